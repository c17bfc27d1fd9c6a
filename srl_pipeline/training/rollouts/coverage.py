"""Which scenarios and steps ever produced a gradient: from raw trajectories to surviving groups.

    trajectories → accepted → instances (prompts) → sampled at least once → kept at least once

A prompt that was sampled but never kept gave nothing to learn: its answers were all alike. One that was never sampled
was never tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Json, Record
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.observer import Observer, StageView

if TYPE_CHECKING:
    from srl_pipeline.training.rollouts.collector import Batch


@dataclass(frozen=True)
class Origin:
    """What the prompts were made of: trajectories that the teacher wrote for training, and those that were accepted."""

    trajectories: int
    accepted: int


class CoveredPrompt(Record):
    """One prompt: how many groups were sampled of it, and how many of them gave a gradient."""

    key: str
    scenario: str
    step: int | None
    band: str
    sampled: int
    kept: int


class Coverage(Record):
    """All prompts of a stage, and what they were made of."""

    stage: str
    trajectories: int
    accepted: int
    prompts: list[CoveredPrompt]


class CoverageAccount(Observer):
    """Counts sampled and kept groups by prompt; leaves ``coverage.json`` in the artifact."""

    name = "coverage"

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._sampled, self._kept = Counter[str](), Counter[str]()

    def resumed(self, view: StageView, state: Json) -> None:
        self._sampled, self._kept = Counter(state["sampled"]), Counter(state["kept"])

    def sampled(self, step: int, batch: Batch) -> dict[str, float]:
        self._sampled.update(group.prompt.key for group in batch.sampled)
        self._kept.update(group.prompt.key for group in batch.kept)
        return {}

    def state(self) -> Json:
        return {"sampled": dict(self._sampled), "kept": dict(self._kept)}

    def ended(self, view: StageView) -> dict[str, float]:
        found = coverage(view.name, view.collector.prompts, self._sampled, self._kept, self._origin)
        write_durably(coverage_file(view.work), pretty(found.model_dump()))
        return figures(found)


def coverage_file(folder: Path) -> Path:
    """Where an artifact holds its coverage."""
    return folder / "coverage.json"


def coverage(
    stage: str, prompts: Sequence[Prompt], sampled: Counter[str], kept: Counter[str], origin: Origin
) -> Coverage:
    """The account of a stage, from counts of groups by prompt key."""
    return Coverage(
        stage=stage,
        trajectories=origin.trajectories,
        accepted=origin.accepted,
        prompts=[
            CoveredPrompt(
                key=prompt.key,
                scenario=prompt.scenario.id,
                step=prompt.step,
                band=prompt.scenario.band,
                sampled=sampled[prompt.key],
                kept=kept[prompt.key],
            )
            for prompt in prompts
        ],
    )


def figures(found: Coverage) -> dict[str, float]:
    """Flat metrics: counts along the way, and the shares of prompts that were ever sampled and ever kept.

    By step (numbered from 1, as in the transcript) and by difficulty band: the share of their prompts ever kept.
    """
    prompts = found.prompts
    steps = sorted({p.step for p in prompts if p.step is not None})
    bands = [band for band in ("easy", "medium", "hard") if any(p.band == band for p in prompts)]
    return {
        "coverage_trajectories": float(found.trajectories),
        "coverage_accepted": float(found.accepted),
        "coverage_prompts": float(len(prompts)),
        "coverage_scenarios": float(len({p.scenario for p in prompts})),
        "coverage_scenarios_kept": float(len({p.scenario for p in prompts if p.kept})),
        "coverage_sampled": _share(prompts, lambda p: p.sampled > 0),
        "coverage_kept": _share(prompts, _kept),
        **{f"coverage_kept_step_{s + 1}": _share([p for p in prompts if p.step == s], _kept) for s in steps},
        **{f"coverage_kept_{band}": _share([p for p in prompts if p.band == band], _kept) for band in bands},
    }


def _kept(prompt: CoveredPrompt) -> bool:
    return prompt.kept > 0


def _share(prompts: Sequence[CoveredPrompt], holds: Callable[[CoveredPrompt], bool]) -> float:
    return sum(map(holds, prompts)) / len(prompts) if prompts else 0.0
