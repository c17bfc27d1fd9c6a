"""Evaluations whose outcomes are chosen: for tests of the weakness detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from srl_pipeline.config import WeaknessConfig
from srl_pipeline.evaluation import Episode, EvaluationResults, StageResult
from srl_pipeline.registry import Entry

from ..evaluation.builders import episode, results

SETTINGS = WeaknessConfig()
REGIONS = ("karst_hollow", "sunken_fen", "high_moor", "salt_coast")
SEASONS = ("spring", "summer", "winter")
CELLS = list(product(REGIONS, SEASONS))


def is_in(e: Episode, **axes: str) -> bool:
    """Whether an episode has these axis values."""
    return all(e.axes[axis] == value for axis, value in axes.items())


def episodes(fails: Callable[[int, Episode], bool], repeats: int = 8) -> list[Episode]:
    """Every region in every season ``repeats`` times; episode i fails where ``fails(i, episode)``."""
    every = [
        episode(i, True, axes={"region": region, "season": season}, band="easy", broken=[], considered=[])
        for i, (region, season) in enumerate(CELLS * repeats)
    ]
    return [e.model_copy(update={"correct": not fails(i, e)}) for i, e in enumerate(every)]


def stage(found: Sequence[Episode], **changes: object) -> StageResult:
    """A last stage with these episodes."""
    about: dict[str, object] = {"stage": "rlvr", "data_version": "r1", "seconds": 1.0, "peak_memory_mb": 900.0}
    return StageResult.model_validate(about | {"episodes": list(found)} | changes)


def evaluation(found: Sequence[Episode], **changes: object) -> EvaluationResults:
    """The results whose last stage has these episodes."""
    return results(stage(found, **changes))


def entry(seq: int, **metrics: float) -> Entry:
    """An evaluation in the history."""
    return Entry(
        seq=seq,
        at="2026-01-01T00:00:00+00:00",
        asset="eval_report",
        model_type="buildings",
        data_version=f"e{seq}",
        inputs={},
        metrics=metrics,
        failed_gates=[],
        seconds=1.0,
        cost_usd=0.0,
        preset="smoke",
    )
