"""DPO (Rafailov et al., arXiv 2305.18290) on verified pairs, online: every batch is sampled from the policy as it is.

A kept group holds episodes that Model C found right and others that it found wrong; its best right one and its worst
wrong one make a pair. The reference is the stage's start. Log-probabilities are taken at **temperature 1**, whatever
episodes were sampled with: the loss speaks of the policy as it is, ``pi(y|x)``; the temperature only decided which
episodes there are to compare.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from srl_pipeline.config import RlvrConfig
from srl_pipeline.training.kernels.shared_prefix import TokenGroup, completion_logps
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Collector, Group
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.students import policy_weights
from srl_pipeline.training.students.student import Student

TEMPERATURE = 1.0


def pairs_of(group: Group, most: int) -> list[tuple[Completion, Completion]]:
    """(chosen, rejected): the best of the right ones with the worst of the wrong ones, then the second ones, …

    Equal rewards: the one sampled first. A wrong episode is never chosen and a right one never rejected, whatever they
    earned.
    """
    places = range(len(group.scores))
    right = sorted((i for i in places if group.scores[i].correct), key=lambda i: (-group.scores[i].reward, i))
    wrong = sorted((i for i in places if not group.scores[i].correct), key=lambda i: (group.scores[i].reward, i))
    return [(group.completions[a], group.completions[b]) for a, b in list(zip(right, wrong, strict=False))[:most]]


def dpo_margins(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """``beta ((log pi - log ref)(chosen) - (log pi - log ref)(rejected))`` of pairs ``[P]`` (the logit of eq. 7).

    Args:
        policy: Log-probabilities of whole completions ``[2 P]``: chosen, rejected, chosen, rejected, …
        reference: The same under the reference.
        beta: Strength of the KL constraint.
    """
    gains = (policy - reference).view(-1, 2)
    return beta * (gains[:, 0] - gains[:, 1])


class DpoTrainer(PolicyTrainer):
    """``-log sigmoid(margin)``, mean over the pairs of a batch."""

    def __init__(self, student: Student, model: Any, collector: Collector, config: RlvrConfig, **rest: Any) -> None:
        self._dpo = config.dpo
        super().__init__(student, model, collector, config, **rest)

    def _micro_batches(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        parts = [[_paired(g, self._dpo.pairs) for g in part] for part in self._cut(batch["groups"])]
        chosen = [ids for part in parts for _, completions in part for ids in completions]
        # the collector takes a kept group for trained on; only its pairs are
        self._collector.counts.trained_tokens += sum(map(len, chosen)) - self._batch_tokens
        return [self._with_reference(part, len(chosen) // 2) for part in parts]

    @torch.no_grad()
    def _with_reference(self, groups: list[TokenGroup], pairs: int) -> dict[str, Any]:
        inputs: dict[str, Any] = {"groups": groups, "pairs": pairs}
        if groups:
            with policy_weights.at_start(self.accelerator.unwrap_model(self.model)) as start:
                inputs["reference"] = _sums(start, groups)
        return inputs

    def _loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        margins = dpo_margins(_sums(model, inputs["groups"]), inputs["reference"], self._dpo.beta)
        found = margins.detach()
        for name, value in (("margin", found.sum()), ("pair_accuracy", (found > 0).sum())):
            self._row[name] = self._row.get(name, 0.0) + float(value) / inputs["pairs"]
        return -logsigmoid(margins).sum() / inputs["pairs"]


def _paired(group: Group, most: int) -> TokenGroup:
    return group.prompt.ids, [c.ids for pair in pairs_of(group, most) for c in pair]


def _sums(model: Any, groups: list[TokenGroup]) -> Tensor:
    """Log-probabilities of whole completions, one after another."""
    return torch.stack([logps.sum() for logps in completion_logps(model, groups, temperature=TEMPERATURE)])
