"""TRL's arguments for a stage, and how its batch is cut."""

from __future__ import annotations

import math
from pathlib import Path

from trl.trainer.grpo_config import GRPOConfig

from srl_pipeline.config import PolicyConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.students.student import Student


def micro_batches(config: PolicyConfig, processes: int) -> tuple[int, int]:
    """Rows of a micro-batch, whole groups, and how many micro-batches each of ``processes`` has in a step."""
    if config.prompts_per_step % processes:
        raise TrainingError(
            f"{config.prompts_per_step} prompts a step cannot be shared by {processes} processes.",
            where="prompts_per_step, processes",
            mend="Make prompts_per_step a multiple of processes.",
        )
    mine = config.prompts_per_step // processes
    groups = max(1, config.micro_batch_size // config.rollouts)
    if mine % groups:
        groups = 1
    return groups * config.rollouts, mine // groups


def grpo_arguments(
    config: PolicyConfig, output: Path, seed: int, micro: int, accumulate: int, student: Student
) -> GRPOConfig:
    """TRL's arguments: per-sequence mean, symmetric clip, group-std-normalised advantages (paper, section 3.3)."""
    return GRPOConfig(
        output_dir=str(output),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulate,
        num_iterations=config.updates_per_batch,
        num_generations=config.rollouts,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant",
        max_steps=config.steps,
        max_grad_norm=config.max_grad_norm,
        beta=0.0,  # the trainer sets it: TRL would load a reference model of its own
        epsilon=config.clip_epsilon,
        use_bias_correction_kl=False,  # the plain k3 gradient; TRL's default weighs it with the ratio
        loss_type="grpo",
        scale_rewards="group",
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        # a batch that is half used cannot be resumed: checkpoints lie between batches
        save_steps=math.ceil(config.save_every / config.updates_per_batch) * config.updates_per_batch,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        use_cpu=student.device.type == "cpu",
        bf16=False,  # the base model has its format already; the adapter stays in float32
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        shuffle_dataset=False,
        ignore_data_skip=True,
    )
