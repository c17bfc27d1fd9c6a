"""PPO with a learned value function (Schulman et al., arXiv 1707.06347) on the rollouts of `PolicyTrainer`.

One batch of episodes is sampled; its log-probabilities, its values and, where the KL term is on, the log-probabilities
of the stage's start are computed once; then several optimizer steps are taken on it, each over the whole batch.
The loss is the mean **over all tokens of the batch** (the paper's average over time steps), whatever the micro-batches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from srl_pipeline.config import RlvrConfig
from srl_pipeline.training.kernels.shared_prefix import base_model, completion_states
from srl_pipeline.training.optimization import gae
from srl_pipeline.training.optimization.trainer import PolicyTrainer, padded
from srl_pipeline.training.optimization.value_head import ValueHead
from srl_pipeline.training.rollouts.collector import Collector, Group
from srl_pipeline.training.students.student import Student


def clipped_policy_loss(ratio: Tensor, advantages: Tensor, epsilon: float) -> Tensor:
    """``-min(r A, clip(r, 1 - e, 1 + e) A)`` a token (eq. 7)."""
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - epsilon, 1 + epsilon) * advantages)


def clipped_value_loss(values: Tensor, old: Tensor, returns: Tensor, clip: float) -> Tensor:
    """``max((V - R)^2, (V_old + clip(V - V_old, -c, c) - R)^2) / 2`` a token; ``c = 0``: no clipping.

    The clipping is that of the authors' code; the paper does not name it.
    """
    loss = (values - returns) ** 2
    if clip:
        loss = torch.maximum(loss, (old + (values - old).clamp(-clip, clip) - returns) ** 2)
    return loss / 2


class PpoTrainer(PolicyTrainer):
    """The value head reads the states that predict the tokens; its loss also trains the decoder that both share."""

    def __init__(self, student: Student, model: Any, collector: Collector, config: RlvrConfig, **rest: Any) -> None:
        self._ppo = config.ppo
        hidden = base_model(model).get_output_embeddings().weight.shape[1]
        self.value_head = ValueHead(hidden).to(student.device)
        super().__init__(student, model, collector, config, **rest)
        self.add_callback(_FreshGradients(self.value_head))

    def _to_tensors(self, groups: list[Group], share: float) -> dict[str, Any]:
        inputs = super()._to_tensors(groups, share)
        if groups:
            earned = [s.reward for g in groups for s in g.scores]
            inputs["outcomes"] = torch.tensor(earned, dtype=torch.float64, device=inputs["completion_ids"].device)
            with torch.no_grad():
                inputs["old_logps"], inputs["old_values"] = self._logps_and_values(self.model, inputs)
        return inputs

    def _micro_batches(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        parts = super()._micro_batches(batch)
        self._estimate([part for part in parts if part["groups"]])
        return parts

    def _estimate(self, parts: list[dict[str, Any]]) -> None:
        """Give every micro-batch its advantages and returns; whitening sees the whole batch."""
        if not parts:
            return
        ppo, masks = self._ppo, [part["completion_mask"] for part in parts]
        tokens = sum(int(mask.sum()) for mask in masks)
        for part, mask in zip(parts, masks, strict=True):
            old, reference = part["old_logps"], part.get("ref_per_token_logps")
            if reference is not None:
                self._observe_kl(float((_k3(reference, old) * mask).sum()), int(mask.sum()))
            rewards = gae.token_rewards(part["outcomes"], mask, old, reference, self.beta)
            part["advantages"], part["returns"] = gae.advantages_and_returns(
                rewards, part["old_values"], mask, gamma=ppo.gamma, lam=ppo.gae_lambda
            )
            part["tokens"] = tokens
        if ppo.whiten:
            for part, advantages in zip(parts, gae.whiten([p["advantages"] for p in parts], masks), strict=True):
                part["advantages"] = advantages
        returns, values = [part["returns"] for part in parts], [part["old_values"] for part in parts]
        self._row["explained_variance"] = gae.explained_variance(returns, values, masks)

    def _loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        mask, old, epsilon = inputs["completion_mask"], inputs["old_logps"], self._policy.clip_epsilon
        advantages, returns = inputs["advantages"].float(), inputs["returns"].float()
        logps, values = self._logps_and_values(model, inputs)
        ratio = torch.exp(logps - old)
        policy = clipped_policy_loss(ratio, advantages, epsilon)
        value = clipped_value_loss(values, inputs["old_values"], returns, self._ppo.value_clip)
        outside = ((ratio > 1 + epsilon) & (advantages > 0)) | ((ratio < 1 - epsilon) & (advantages < 0))
        columns = {"policy_loss": policy, "value_loss": value, "clip_fraction": outside.float(), "entropy": -logps}
        if "ref_per_token_logps" in inputs:
            columns["kl"] = _k3(inputs["ref_per_token_logps"], logps)
        for name, column in columns.items():
            share = float((column.detach() * mask).sum()) / inputs["tokens"]
            self._row[name] = self._row.get(name, 0.0) + share
        return ((policy + self._ppo.value_coef * value) * mask).sum() / inputs["tokens"]

    def _logps_and_values(self, model: Any, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Of all tokens ``[B, T]``: log-probabilities, and the values of the states before them."""
        width = inputs["completion_mask"].shape[1]
        found = completion_states(model, inputs["groups"], temperature=self.temperature)
        return padded([logps for logps, _ in found], width), padded([self.value_head(h) for _, h in found], width)

    def create_optimizer(self, model: Any = None) -> Any:
        """The value head is the last parameter group: the order in which the optimizer's state is saved."""
        new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if new:
            rate = self._ppo.value_learning_rate
            optimizer.add_param_group({"params": list(self.value_head.parameters()), "lr": rate, "weight_decay": 0.0})
        return optimizer

    def _clip_grad_norm(self, model: Any) -> Any:
        """Apart from each other: a value function that is far off must not shrink the policy's step."""
        torch.nn.utils.clip_grad_norm_(self.value_head.parameters(), self.args.max_grad_norm)
        return super()._clip_grad_norm(model)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """The value head lies in checkpoints only: the policy that a stage leaves has no use for it."""
        super()._save_optimizer_and_scheduler(output_dir)
        self.value_head.save(Path(output_dir))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            self.value_head.load(Path(checkpoint))


class _FreshGradients(TrainerCallback):
    """Trainer forgets the gradients of its model after a step; the value head is not part of it."""

    def __init__(self, head: ValueHead) -> None:
        self._head = head

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._head.zero_grad(set_to_none=True)


def _k3(reference: Tensor, logps: Tensor) -> Tensor:
    """KL to the reference a token, estimated on samples (Schulman 2020): unbiased and never negative."""
    gap = reference - logps
    return gap.exp() - gap - 1
