"""The evaluation set: which scenarios are frozen, and what generation may not draw because of them."""

from __future__ import annotations

import random

from srl_pipeline.canonical import digest, normalise, seed_of
from srl_pipeline.contracts import Scenario
from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing.codes import Axes
from srl_pipeline.generation.drawing.space import count_valid
from srl_pipeline.verification import ScenarioSpace, valid_axes


def scenario_id(space: ScenarioSpace, axes: Axes) -> str:
    """The id that the scenario of ``axes`` has."""
    return digest([space.pack.name, {axis: normalise(axes[axis]) for axis in space.values}])


def evaluation_ids(space: ScenarioSpace) -> set[str]:
    """Ids of the frozen held-out scenarios: generation may never draw them."""
    frozen = space.pack.definition.evaluation.scenarios
    return {scenario_id(space, axes) for axes in frozen if set(axes) == set(space.values)}


def evaluation_scenarios(space: ScenarioSpace, limit: int | None = None) -> list[Scenario]:
    """The held-out scenarios, in their frozen order."""
    frozen = space.pack.definition.evaluation.scenarios
    if not frozen:
        raise PackError(
            f"Pack {space.pack.name} has no evaluation set.",
            where=f"{space.pack.name}/evaluation.yaml",
            mend=f"Run 'srl-pipeline packs freeze {space.pack.name}'.",
        )
    place = space.pack.place
    return [space.scenario(axes, where=place("evaluation", str(i))) for i, axes in enumerate(frozen[:limit])]


def freeze_evaluation(space: ScenarioSpace, count: int) -> list[Axes]:
    """Choose ``count`` scenarios to hold out for ever: a seeded draw, so the choice is nobody's taste.

    Raises PackError when that would leave generation less than half of what is possible.
    """
    valid, _ = count_valid(space)
    if not 0 < count <= valid // 2:
        raise PackError(
            f"{count} of {valid} possible scenarios cannot be held out: generation needs at least half.",
            where=f"pack {space.pack.name}, axes",
            mend="Hold out fewer (--count), or add axis values.",
        )
    rng = random.Random(seed_of("evaluation", space.pack.name))
    chosen: dict[str, Axes] = {}
    while len(chosen) < count:
        axes = valid_axes(space, rng)
        chosen.setdefault(digest(normalise(axes)), axes)
    return list(chosen.values())
