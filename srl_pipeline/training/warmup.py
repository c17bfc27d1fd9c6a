"""The declared format warm-up: a short SFT on whole transcripts, only where the student cannot follow the format.

It teaches the format, not mastery; its tokens count in the compute budget and the report shows it as a row of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from srl_pipeline.config import WarmupConfig
from srl_pipeline.contracts import Trajectory
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.prompts import PromptWriter
from srl_pipeline.training.student import Student


class _Rows(TrainerCallback):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._journal.finish({"step": float(state.global_step), "loss": logs["loss"]})


def run_warmup(
    student: Student, model: Any, writer: PromptWriter, trajectories: list[Trajectory], config: WarmupConfig, work: Path, seed: int
) -> dict[str, float]:
    """Train the adapter on transcripts and save it to ``work/warmup``; returns metrics. Short enough to start over after an interruption."""
    rows = [writer.transcript(t) for t in trajectories]
    data = Dataset.from_dict(
        {
            "input_ids": [prompt + answer for prompt, answer in rows],
            "completion_mask": [[0] * len(prompt) + [1] * len(answer) for prompt, answer in rows],
        }
    )
    journal = Journal(work, "warmup", config.steps)
    journal.resume(0)
    output = work / "_warmup"
    shutil.rmtree(output, ignore_errors=True)
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(output),
            per_device_train_batch_size=config.micro_batch_size,
            gradient_accumulation_steps=max(1, config.batch_size // config.micro_batch_size),
            max_steps=config.steps,
            learning_rate=config.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=min(5, config.steps // 4),
            seed=seed % (2**31),
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            max_length=None,
            completion_only_loss=True,
            use_cpu=student.device.type == "cpu",
            bf16=False,
            gradient_checkpointing=False,
            dataloader_pin_memory=False,
        ),
        train_dataset=data,
        processing_class=student.tokenizer,
        callbacks=[_Rows(journal)],
    )
    trainer.train()
    model.save_pretrained(str(work / "warmup"), selected_adapters=["default"])
    seen = config.steps * config.batch_size
    answers = [len(answer) for _, answer in rows]
    losses = [r["loss"] for r in journal.rows()]
    return {
        "steps": float(config.steps),
        "trained_tokens": float(seen * sum(answers) / len(answers)),
        "loss_first": losses[0] if losses else 0.0,
        "loss_last": losses[-1] if losses else 0.0,
    }
