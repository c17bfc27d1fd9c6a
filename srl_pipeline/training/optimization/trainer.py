"""GRPO with dynamic sampling and shared prefixes, as an extension of TRL's trainer.

TRL keeps the loss, the optimizer, gradient accumulation and checkpoints. We replace three of its hooks; a test proves
that each is really called:

- `_generate_and_score_completions`: batches come from our `Collector` (refill, rewards, advantages, filter).
- `_prepare_inputs`: groups stay whole in a micro-batch (TRL shuffles them apart), because
- `_get_per_token_logps_and_entropies`: computes a group's prompt once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import load_peft_weights, set_peft_model_state_dict
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from srl_pipeline.config import PolicyConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.kernels.shared_prefix import TokenGroup, completion_logps
from srl_pipeline.training.rollouts.collector import Batch, Collector
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.student import Student

log = logging.getLogger("srl_pipeline")
START = "start"
"""Name of the frozen copy of the adapter that the stage began with; absent when it began with the base model."""
MAX_IDLE = 5
"""Consecutive steps without any group that carries signal, after which a stage ends."""

Row = dict[str, float]


class PolicyTrainer(GRPOTrainer):
    """One stage of policy optimisation on a LoRA adapter."""

    model: Any
    args: GRPOConfig

    def __init__(
        self,
        student: Student,
        model: Any,
        collector: Collector,
        config: PolicyConfig,
        *,
        output: Path,
        seed: int,
        on_batch: Callable[[Row, Batch], None],
        callbacks: list[Any],
    ) -> None:
        self._collector, self._policy, self._on_batch = collector, config, on_batch
        self.sampler = Sampler(model, student.tokenizer)
        per_step = config.prompts_per_step * config.rollouts
        micro = max(1, config.micro_batch_size // config.rollouts) * config.rollouts
        if per_step % micro:
            micro = config.rollouts
        super().__init__(
            model=model,
            reward_funcs=_scored_by_the_task,
            args=grpo_arguments(config, output, seed, micro, per_step // micro, student),
            train_dataset=Dataset.from_dict({"prompt": ["drawn by the collector"] * config.prompts_per_step}),
            processing_class=student.tokenizer,
            callbacks=[_NoSignal(collector), *callbacks],
        )
        self.remove_callback(PrinterCallback)  # the journal says it better

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        every = self.args.steps_per_generation or 1
        if self._step % every == 0 or self._buffered_inputs is None:
            self._buffered_inputs = self._micro_batches(self._generate_and_score_completions(generation_batch))
        return self._buffered_inputs[self._step % every]

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        begun = time.perf_counter()
        batch = self._collector.collect(self.sampler, self.state.global_step)
        self._rollout_seconds = time.perf_counter() - begun
        self._report(batch)
        return {"groups": batch.kept}

    def _micro_batches(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        """Cut the kept groups into micro-batches; where groups are lacking, the mean is over those that are there."""
        groups, every = batch["groups"], self.args.steps_per_generation or 1
        per = self._policy.prompts_per_step // every
        scale = self._policy.prompts_per_step / max(1, len(groups))
        return [self._to_tensors(groups[i * per : (i + 1) * per], per, scale) for i in range(every)]

    def _to_tensors(self, groups: list[Any], per: int, scale: float) -> dict[str, Any]:
        device = self.accelerator.device
        rows = [
            (g.prompt.ids, c.ids, a) for g in groups for c, a in zip(g.completions, g.signal.advantages, strict=True)
        ]
        if not rows:
            return {"groups": [], "num_items_in_batch": torch.tensor(1, device=device)}
        longest = max(len(ids) for _, ids, _ in rows)
        pad = self._tokenizer.pad_token_id
        completion_ids = torch.tensor([ids + [pad] * (longest - len(ids)) for _, ids, _ in rows], device=device)
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for _, ids, _ in rows], device=device)
        advantages = torch.tensor([a for *_, a in rows], dtype=torch.float32, device=device)
        empty = torch.zeros((len(rows), 0), dtype=torch.long, device=device)
        inputs = {
            "groups": [(g.prompt.ids, [c.ids for c in g.completions]) for g in groups],
            "prompt_ids": empty,  # the prompts are in `groups`, once each
            "prompt_mask": empty,
            "completion_ids": completion_ids,
            "completion_mask": mask,
            "advantages": advantages,
            "num_items_in_batch": mask.sum(),
            "share": scale * len(groups) / per,  # TRL averages over the rows present; absent groups must not count
        }
        if self.beta:
            inputs["ref_per_token_logps"] = self.reference_logps(inputs["groups"], longest)
        return inputs

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if not inputs["groups"]:  # nothing to learn from: a zero that is connected to every trained weight
            return sum(
                (p.sum() * 0.0 for p in model.parameters() if p.requires_grad),
                torch.zeros((), device=self.model.device),
            )
        self._groups = inputs["groups"]
        return super()._compute_loss(model, inputs) * inputs["share"]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        logps = self._policy_logps(model, self._groups, logits_to_keep)
        # On the policy's own samples -log p is an unbiased estimate of the entropy, at no pass over the vocabulary.
        return logps, -logps.detach(), None

    def _policy_logps(self, model: Any, groups: Any, width: int) -> torch.Tensor:
        found = completion_logps(model, groups, temperature=self.temperature)
        return torch.stack([torch.nn.functional.pad(t, (0, width - len(t))) for t in found])

    @torch.no_grad()
    def reference_logps(self, groups: Any, width: int) -> torch.Tensor:
        """Log-probabilities under the stage's start: the frozen adapter, or no adapter at all."""
        model = self.accelerator.unwrap_model(self.model)
        if START in model.peft_config:
            model.set_adapter(START)
            try:
                return self._policy_logps(model, groups, width)
            finally:
                _activate_policy(model)
        with model.disable_adapter():
            return self._policy_logps(model, groups, width)

    @torch.no_grad()
    def kl_to_start(self, groups: Sequence[TokenGroup]) -> float:
        """Mean KL a token of the policy to the stage's start, on its own samples (k3 estimator, Schulman 2020)."""
        total = count = 0.0
        for group in groups:
            width = max(len(ids) for ids in group[1])
            policy = self._policy_logps(self.accelerator.unwrap_model(self.model), [group], width)
            gap = self.reference_logps([group], width) - policy
            total += float((gap.exp() - gap - 1).sum())
            count += sum(len(ids) for ids in group[1])
        return total / count if count else 0.0

    def _report(self, batch: Batch) -> None:
        scores = [s for g in batch.sampled for s in g.scores]
        parts = {name for s in scores for name in s.parts}
        tokens = [len(c.ids) for g in batch.sampled for c in g.completions]
        row: Row = {
            "step": float(self.state.global_step + 1),
            "reward": _mean([s.reward for s in scores]),
            "correct": _mean([float(s.correct) for s in scores]),
            "format_rate": _mean([float(s.well_formed) for s in scores]),
            "kept_fraction": len(batch.kept) / len(batch.sampled),
            "group_std": _mean([g.signal.std for g in batch.sampled]),
            "attempts": float(batch.attempts),
            "completion_tokens": _mean([float(t) for t in tokens]),
            "truncated": _mean([float(not c.finished) for g in batch.sampled for c in g.completions]),
            "tokens_per_second": sum(tokens) / self._rollout_seconds,
            "rollout_seconds": self._rollout_seconds,
        }
        row |= {f"reward_{name}": _mean([s.parts[name] for s in scores if name in s.parts]) for name in sorted(parts)}
        self._on_batch(row, batch)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Only the trained adapter: the frozen start is an input."""
        folder = output_dir or self.args.output_dir
        self.accelerator.unwrap_model(self.model).save_pretrained(folder, selected_adapters=["default"])

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        weights = load_peft_weights(resume_from_checkpoint, device="cpu")
        set_peft_model_state_dict(self.accelerator.unwrap_model(self.model), weights, adapter_name="default")


class _NoSignal(TrainerCallback):
    """Steps without a group that carries signal: momentum must not move the weights; after several the stage ends."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self._collector.counts.idle:
            model.zero_grad(set_to_none=True)  # the optimizer passes over weights without a gradient

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._collector.counts.idle >= MAX_IDLE:
            log.warning("no group carried signal in %d steps in a row; the stage ends here", MAX_IDLE)
            control.should_training_stop = control.should_save = True


def grpo_arguments(
    config: PolicyConfig, output: Path, seed: int, micro: int, accumulate: int, student: Student
) -> GRPOConfig:
    """TRL's arguments: per-sequence mean, symmetric clip, group-std-normalised advantages (paper, section 3.3)."""
    return GRPOConfig(
        output_dir=str(output),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulate,
        num_generations=config.rollouts,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant",
        max_steps=config.steps,
        max_grad_norm=config.max_grad_norm,
        beta=0.0 if config.kl_beta == 0 else config.kl_beta,
        epsilon=config.clip_epsilon,
        use_bias_correction_kl=False,  # the plain k3 gradient; TRL's default weighs it with the ratio
        loss_type="grpo",
        scale_rewards="group",
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=config.save_every,
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


def _activate_policy(model: Any) -> None:
    model.set_adapter("default")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name and ".default." in name)


def _scored_by_the_task(**_: Any) -> list[float | None]:
    raise TrainingError(
        "TRL asked for rewards itself.",
        where="PolicyTrainer",
        mend="The pinned TRL version no longer calls our hooks; check trainer.py.",
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
