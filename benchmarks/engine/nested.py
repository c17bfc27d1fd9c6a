"""The update of all steps of one trajectory: each step's prompt computed by itself, and all of them as one trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.engine import ours
from benchmarks.engine.cases import ROLLOUTS, Case, completions, expert_actions, pack, prompts, student
from benchmarks.engine.timing import Pair, side_by_side
from srl_pipeline.contracts import Step
from srl_pipeline.training.environment.transcript import heading, write
from srl_pipeline.training.kernels.shared_prefix import TokenGroup, completion_logps

STEP_TOKENS = 24
"""Tokens of a step, as the default packs have it."""


@dataclass(frozen=True)
class Nested:
    """``times.stock`` are our own, step by step; both sides share a prompt among its rollouts."""

    steps: int
    tokens_apart: int
    tokens_together: int
    times: Pair


def measure_nested(lore_tokens: int, repeats: int) -> Nested:
    """Forward and backward pass over G completions of every step of one expert trajectory."""
    loaded = student("auto")
    model = ours.adapted(loaded)
    groups = _steps(loaded.tokenizer, lore_tokens)

    def update(batches: list[list[TokenGroup]]) -> None:
        model.zero_grad(set_to_none=True)
        for batch in batches:
            torch.stack([t.mean() for t in completion_logps(model, batch, temperature=1.0)]).mean().backward()

    times = side_by_side(lambda: update([[g] for g in groups]), lambda: update([groups]), repeats)
    sampled = sum(len(c) for _, cs in groups for c in cs)
    apart, together = sum(len(p) for p, _ in groups), max(len(p) for p, _ in groups)
    return Nested(len(groups), apart + sampled, together + sampled, times)


def _steps(tokenizer: Any, lore_tokens: int) -> list[TokenGroup]:
    titles = [step.title for step in pack().spec.steps]
    steps = [Step(title=t, reasoning="", action=a) for t, a in zip(titles, expert_actions(), strict=False)]
    lore = prompts(tokenizer, Case(lore_tokens, STEP_TOKENS), 1)[0].ids
    begun = [write(steps[:k]) + heading(k, titles[k]) for k in range(len(steps))]
    return [
        (
            lore + tokenizer(text, add_special_tokens=False)["input_ids"],
            completions(tokenizer, Case(lore_tokens, STEP_TOKENS), ROLLOUTS, seed=k),
        )
        for k, text in enumerate(begun)
    ]
