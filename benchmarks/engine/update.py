"""The update of one group: forward and backward pass, and whether both give the same gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.engine import ours, stock
from benchmarks.engine.cases import ROLLOUTS, Case, advantages, completions, prompts, student
from benchmarks.engine.timing import Pair, side_by_side
from srl_pipeline.training.environment.prompts import Prompt


@dataclass(frozen=True)
class Updates:
    """Times in the student's own number format; the relative difference of gradients in float32."""

    case: Case
    times: Pair
    gradient_gap: float


def measure_update(case: Case, repeats: int) -> Updates:
    """Time both and compare their gradients."""
    theirs, mine, group = _both(case, "auto")
    return Updates(
        case,
        side_by_side(
            lambda: _clean(theirs, lambda: stock.update(theirs, *group)),
            lambda: _clean(mine, lambda: ours.update(mine, *group)),
            repeats,
        ),
        gradient_gap(case),
    )


def gradient_gap(case: Case) -> float:
    """Norm of the difference of the gradients over the norm of stock's, in float32, with adapters that matter."""
    theirs, mine, group = _both(case, "float32")
    for trainer in (theirs, mine):
        _shake(trainer.model)
    stock.update(theirs, *group)
    ours.update(mine, *group)
    left, right = _gradients(theirs.model), _gradients(mine.model)
    assert left.keys() == right.keys() and left
    gap = sum(float((left[name] - right[name]).double().pow(2).sum()) for name in left)
    norm = sum(float(g.double().pow(2).sum()) for g in left.values())
    return (gap / norm) ** 0.5


def _both(case: Case, dtype: str) -> tuple[Any, Any, Any]:
    made: list[Any] = []
    given: list[Prompt] = []
    for side in (stock, ours):
        loaded = student(dtype)
        given = prompts(loaded.tokenizer, case, 1)
        made.append(side.trainer(loaded, side.adapted(loaded), case, given, lambda *_: 0.0, steps=1))
        made[-1].model.train()
        made[-1].current_gradient_accumulation_steps = 1
        group = (given[0].ids, completions(loaded.tokenizer, case, ROLLOUTS), advantages(1))
    return made[0], made[1], group


def _clean(trainer: Any, call: Any) -> None:
    trainer.model.zero_grad(set_to_none=True)
    call()


def _shake(model: Any) -> None:
    """Adapters whose B is zero have no gradient in A: give all of them the same noise."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)


def _gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad and p.grad is not None}
