"""The declared format warm-up: a short SFT on whole transcripts, only where the student cannot follow the format.

It teaches the format, not mastery; its tokens count in the compute budget and the report shows it as a row of its own.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from srl_pipeline.config import WarmupConfig
from srl_pipeline.contracts import Trajectory
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.prompts import PromptWriter
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.kernels.shared_prefix import completion_logps
from srl_pipeline.training.optimization.averaging import AveragedGradients
from srl_pipeline.training.peers import peers
from srl_pipeline.training.students import policy_weights
from srl_pipeline.training.students.student import Student

Transcript = tuple[list[int], list[int]]
"""Prompt ids and answer ids."""


class WarmupTrainer(AveragedGradients, Trainer):
    """Supervised fine-tuning on the answers alone: only their positions go through the vocabulary projection."""

    loss_is_scaled_for_ga = True

    def compute_loss(self, model: Any, inputs: list[Transcript], *_: Any, **__: Any) -> torch.Tensor:
        """Negative log-likelihood a token, mean over the answers of the batch."""
        groups = [(prompt, [answer]) for prompt, answer in inputs]
        logps = completion_logps(self.accelerator.unwrap_model(model), groups, temperature=1.0)
        loss = torch.stack([-tokens.mean() for tokens in logps]).mean()
        return loss / self.current_gradient_accumulation_steps

    def _prepare_inputs(self, inputs: Any) -> Any:
        return inputs


class _Rows(TrainerCallback):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._journal.finish({"step": float(state.global_step), "loss": logs["loss"]})


def run_warmup(
    student: Student,
    model: Any,
    writer: PromptWriter,
    trajectories: Sequence[Trajectory],
    config: WarmupConfig,
    work: Path,
    seed: int,
) -> dict[str, float]:
    """Train the student on transcripts and save what was tuned to ``work/warmup``; returns metrics.

    Short enough to start over after an interruption: the same seed gives the same weights.
    """
    rows = [writer.transcript(t) for t in trajectories]
    mine, rest = divmod(config.batch_size, peers().count)
    if rest:
        raise TrainingError(
            f"A batch of {config.batch_size} transcripts cannot be shared by {peers().count} processes.",
            where="warmup.batch_size, processes",
            mend="Make warmup.batch_size a multiple of processes.",
        )
    micro = min(config.micro_batch_size, mine)
    journal = Journal(work, "warmup", config.steps)
    journal.resume(0)
    output = work / "_warmup"
    shutil.rmtree(output, ignore_errors=True)
    as_they_are: Any = list  # a batch is the list of its transcripts
    trainer = WarmupTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(output),
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=mine // micro,
            max_steps=config.steps,
            learning_rate=config.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=min(5, config.steps // 4),
            seed=seed % (2**31),
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=student.device.type == "cpu",
            bf16=False,  # the base model has its format already; what is trained stays in float32
            dataloader_pin_memory=False,
            remove_unused_columns=False,
        ),
        train_dataset=rows,  # type: ignore[arg-type]
        data_collator=as_they_are,
        callbacks=[_Rows(journal)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    losses = [row.get("loss", math.nan) for row in journal.rows()]  # the journal leaves out what is no number
    if any(math.isnan(loss) for loss in losses):
        raise TrainingError(
            "The warm-up's loss is not a number.", where=str(journal.file), mend="Lower warmup.learning_rate."
        )
    temporary = work / "_warmup_weights"
    shutil.rmtree(temporary, ignore_errors=True)
    policy_weights.save(model, student, temporary)
    shutil.rmtree(work / "warmup", ignore_errors=True)  # of a process that was killed before it could record it
    temporary.replace(work / "warmup")
    answers = [len(answer) for _, answer in rows]
    return {
        "steps": float(config.steps),
        "trained_tokens": float(config.steps * config.batch_size * sum(answers) / len(answers)),
        "prompt_tokens_mean": sum(len(prompt) for prompt, _ in rows) / len(rows),
        "answer_tokens_mean": sum(answers) / len(answers),
        "loss_first": losses[0] if losses else 0.0,
        "loss_last": losses[-1] if losses else 0.0,
    }
