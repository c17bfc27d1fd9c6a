"""GRPO with dynamic sampling and shared prefixes, as an extension of TRL's trainer; the base of PPO and DPO.

TRL keeps the loss, the optimizer, gradient accumulation and checkpoints. We replace three of its hooks; a test proves
that each is really called:

- `_generate_and_score_completions`: batches come from our `Collector` (refill, rewards, advantages, filter).
- `_prepare_inputs`: groups stay whole in a micro-batch (TRL shuffles them apart), because
- `_get_per_token_logps_and_entropies`: computes a group's prompt once.

Other algorithms (`ppo`, `dpo`) replace `_micro_batches`, what is prepared of a batch, and `_loss`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from srl_pipeline.config import PolicyConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.kernels.shared_prefix import TokenGroup, completion_logps
from srl_pipeline.training.optimization.arguments import grpo_arguments, micro_batches
from srl_pipeline.training.optimization.averaging import AveragedGradients
from srl_pipeline.training.optimization.kl_control import next_coefficient
from srl_pipeline.training.peers import peers
from srl_pipeline.training.rollouts.collector import Batch, Collector, Group
from srl_pipeline.training.rollouts.samplers import policy_sampler
from srl_pipeline.training.students import policy_weights
from srl_pipeline.training.students.student import Student

log = logging.getLogger("srl_pipeline")
MAX_IDLE = 5
"""Consecutive steps without any group that carries signal, after which a stage ends."""

Row = dict[str, float]


class PolicyTrainer(AveragedGradients, GRPOTrainer):
    """One stage of policy optimisation: of a LoRA adapter, or of the whole model."""

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
        self._row: Row = {}
        self._collect_seconds = 0.0
        self._kl: tuple[float, int] | None = None
        self._student, self._collector, self._policy, self._on_batch = student, collector, config, on_batch
        self.sampler = policy_sampler(student, model, config, output / "_sampler")
        super().__init__(
            model=model,
            reward_funcs=_scored_by_the_task,
            args=grpo_arguments(config, output, seed, *micro_batches(config, peers().count), student),
            train_dataset=Dataset.from_dict({"prompt": ["drawn by the collector"] * config.prompts_per_step}),
            processing_class=student.tokenizer,
            callbacks=[_NoSignal(collector), _KlControl(self), *callbacks],
        )
        self.beta = config.kl_beta
        self.remove_callback(PrinterCallback)  # the journal says it better

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        every = self.args.steps_per_generation or 1
        if self._step % (every * self.num_iterations) == 0 or self._buffered_inputs is None:
            self._buffered_inputs = self._micro_batches(self._generate_and_score_completions(generation_batch))
        elif self._step % every == 0:  # the same batch, once more
            self._collector.counts.trained_tokens += self._batch_tokens
        return self._buffered_inputs[self._step % every]

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        begun = time.perf_counter()
        batch = self._collector.collect(self.sampler, self.state.global_step)
        self._collect_seconds = time.perf_counter() - begun
        self._batch_tokens = sum(len(c.ids) for g in batch.kept for c in g.completions)
        self._report(batch)
        return {"groups": batch.kept}

    def _micro_batches(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        """This process's micro-batches of the kept groups; the mean is over all groups that are there."""
        parts = self._cut(batch["groups"])
        # TRL takes the mean over the rows of a micro-batch, then over the micro-batches: each must count by its rows
        shares = [len(parts) * len(part) / max(1, len(batch["groups"])) for part in parts]
        mine = peers().mine(list(zip(parts, shares, strict=True)))
        return [self._to_tensors(part, share) for part, share in mine]

    def _cut(self, groups: list[Group]) -> list[list[Group]]:
        """The groups of each micro-batch, evenly, neighbours together: they may share a trunk. Some may be empty."""
        every = (self.args.steps_per_generation or 1) * peers().count
        ends = [round(i * len(groups) / every) for i in range(every + 1)]
        return [groups[start:end] for start, end in pairwise(ends)]

    def _to_tensors(self, groups: list[Group], share: float) -> dict[str, Any]:
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
            "share": share,
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
        return self._loss(self.accelerator.unwrap_model(model), inputs)

    def _loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """Share of one micro-batch, which is not empty, in the loss of an optimizer step."""
        self._groups = inputs["groups"]
        loss = super()._compute_loss(model, inputs) * inputs["share"]
        if self.beta:
            tokens = int(inputs["completion_mask"].sum())
            self._observe_kl(self._metrics["train"]["kl"][-1] * tokens, tokens)
        return loss

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        logps = self._policy_logps(model, self._groups, logits_to_keep)
        # On the policy's own samples -log p is an unbiased estimate of the entropy, at no pass over the vocabulary.
        return logps, -logps.detach(), None

    def _policy_logps(self, model: Any, groups: Any, width: int) -> torch.Tensor:
        return padded(completion_logps(model, groups, temperature=self.temperature), width)

    @torch.no_grad()
    def reference_logps(self, groups: Any, width: int) -> torch.Tensor:
        """Log-probabilities under the stage's start."""
        with policy_weights.at_start(self.accelerator.unwrap_model(self.model)) as start:
            return self._policy_logps(start, groups, width)

    def _observe_kl(self, total: float, tokens: int) -> None:
        """Take note of the KL to the stage's start, summed over ``tokens`` tokens of this batch."""
        before = self._kl or (0.0, 0)
        self._kl = before[0] + total, before[1] + tokens
        self._row["kl_coef"] = self.beta

    def steer_kl(self) -> None:
        """After an optimizer step: the coefficient for the next batch, where this one's KL was measured."""
        policy = self._policy
        if self._kl and policy.kl_target:
            total, tokens = (sum(column) for column in zip(*peers().together([self._kl]), strict=True))
            self.beta = next_coefficient(
                self.beta, total / tokens, target=policy.kl_target, least=policy.kl_beta_min, most=policy.kl_beta_max
            )
        self._kl = None

    def own_state(self) -> dict[str, float]:
        """What a checkpoint must hold beyond weights, optimizer and random state."""
        return {"kl_coef": self.beta}

    def restore(self, own: dict[str, float]) -> None:
        """Go on from what `own_state` returned."""
        self.beta = own["kl_coef"]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """TRL's metrics and those that were noted in ``_row`` during the step."""
        row, self._row = self._row, {}
        if times := self._metrics["train"].get("step_time"):
            row["update_seconds"] = times[-1] - self._collect_seconds
            self._collect_seconds = 0.0  # the next step on this batch collects nothing
        super().log(logs | row, start_time)

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
        rollout_seconds = self._collect_seconds - batch.reward_seconds
        row: Row = {
            "step": float(self.state.global_step + 1),
            "reward": _mean([s.reward for s in scores]),
            "correct": _mean([float(s.correct) for s in scores]),
            "valid": _mean([float(s.valid) for s in scores]),
            "format_rate": _mean([float(s.well_formed) for s in scores]),
            "kept_fraction": len(batch.kept) / len(batch.sampled),
            "group_std": _mean([g.signal.std for g in batch.sampled]),
            "attempts": float(batch.attempts),
            "completion_tokens": _mean([float(t) for t in tokens]),
            "truncated": _mean([float(not c.finished) for g in batch.sampled for c in g.completions]),
            "tokens_per_second": sum(tokens) / rollout_seconds,
            "rollout_seconds": rollout_seconds,
            "reward_seconds": batch.reward_seconds,
        }
        row |= {f"reward_{name}": _mean([s.parts[name] for s in scores if name in s.parts]) for name in sorted(parts)}
        self._on_batch(row, batch)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Only what is trained: the frozen start is an input."""
        folder = Path(output_dir or str(self.args.output_dir))
        policy_weights.save(self.accelerator.unwrap_model(self.model), self._student, folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        policy_weights.restore(self.accelerator.unwrap_model(self.model), Path(resume_from_checkpoint))


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


class _KlControl(TrainerCallback):
    """Before anything is saved, so that the next coefficient lies in the checkpoint."""

    def __init__(self, trainer: PolicyTrainer) -> None:
        self._trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._trainer.steer_kl()


def padded(rows: Sequence[torch.Tensor], width: int) -> torch.Tensor:
    """Rows of numbers as one tensor ``[B, width]``, zeros at the end."""
    return torch.stack([torch.nn.functional.pad(row, (0, width - len(row))) for row in rows])


def _scored_by_the_task(**_: Any) -> list[float | None]:
    raise TrainingError(
        "TRL asked for rewards itself.",
        where="PolicyTrainer",
        mend="The pinned TRL version no longer calls our hooks; check trainer.py.",
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
