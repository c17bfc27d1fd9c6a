"""The pinned TRL's `GRPOTrainer` as it comes: PEFT's adapters, `generate`, every prompt computed G times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from benchmarks.engine.cases import ROLLOUTS, Case, folder
from srl_pipeline.config import StudentConfig
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.students.student import Student

Reward = Callable[[Prompt, str], float]


def adapted(student: Student, seed: int = 3) -> Any:
    """The student with a LoRA adapter on all linear layers, computed by PEFT itself."""
    torch.manual_seed(seed)
    config = StudentConfig()
    return get_peft_model(
        student.model,
        LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=0.0,
            target_modules=config.lora_targets,
            task_type="CAUSAL_LM",
        ),
    )


def trainer(
    student: Student,
    model: Any,
    case: Case,
    prompts: Sequence[Prompt],
    reward: Reward,
    *,
    steps: int,
    callbacks: Sequence[Any] = (),
) -> GRPOTrainer:
    """A trainer of ``len(prompts)`` prompts a step, in micro-batches of one group; completions of exact length."""
    given = list(prompts)

    def rewards(completion_ids: list[list[int]], place: list[int], **_: Any) -> list[float | None]:
        texts = student.tokenizer.batch_decode(completion_ids, skip_special_tokens=True)
        return [reward(given[i], text) for i, text in zip(place, texts, strict=True)]

    made = GRPOTrainer(
        model=model,
        reward_funcs=rewards,
        args=GRPOConfig(
            output_dir=str(folder() / "stock"),
            per_device_train_batch_size=ROLLOUTS,
            gradient_accumulation_steps=len(given),
            num_generations=ROLLOUTS,
            max_completion_length=case.completion,
            generation_kwargs={"min_new_tokens": case.completion},
            temperature=1.0,
            learning_rate=1e-4,
            max_steps=steps,
            beta=0.0,
            loss_type="grpo",
            scale_rewards="group",
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=student.device.type == "cpu",
            bf16=False,
            gradient_checkpointing=False,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            shuffle_dataset=False,
        ),
        train_dataset=Dataset.from_dict(
            {"prompt": [student.tokenizer.decode(p.ids) for p in given], "place": list(range(len(given)))}
        ),
        processing_class=student.tokenizer,
        callbacks=list(callbacks),
    )
    made.remove_callback(PrinterCallback)
    return made


def update(stock: GRPOTrainer, prompt: Sequence[int], completions: Sequence[Sequence[int]], advantages: Any) -> None:
    """Forward and backward pass of one group as stock computes it: the prompt once for each completion."""
    device = stock.accelerator.device
    rows = len(completions)
    completion_ids = torch.tensor([list(c) for c in completions], device=device)
    loss = stock._compute_loss(
        stock.model,
        {
            "prompt_ids": torch.tensor([list(prompt)] * rows, device=device),
            "prompt_mask": torch.ones(rows, len(prompt), dtype=torch.long, device=device),
            "completion_ids": completion_ids,
            "completion_mask": torch.ones_like(completion_ids),
            "advantages": torch.tensor(advantages, device=device),
            "num_items_in_batch": torch.tensor(completion_ids.numel(), device=device),
        },
    )
    loss.backward()


@torch.no_grad()
def generate(model: Any, student: Student, prompts: Sequence[Prompt], case: Case) -> torch.Tensor:
    """G completions of exact length for each prompt, by `generate`, as the stock trainer calls it."""
    device = model.device
    ids = torch.tensor([p.ids for p in prompts for _ in range(ROLLOUTS)], device=device)
    return model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=case.completion,
        min_new_tokens=case.completion,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        pad_token_id=student.tokenizer.pad_token_id,
        disable_compile=True,
    )
