"""Statistics written out by hand, for tests of what is said about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from srl_pipeline.generation.pack_figures.field_freedom import FieldFreedom
from srl_pipeline.generation.pack_figures.pack_statistics import (
    AxisFigures,
    ExpertFigures,
    PackStatistics,
    ScenarioFigures,
    Share,
    Timings,
)
from srl_pipeline.generation.pack_figures.rule_hits import RuleHits

RULE = RuleHits("stone-is-local", "1. Materials", "hard", "regional_materials", 1.0, 0.844, 0.0542, 0.05, None)
FIELD = FieldFreedom("stone", "Materials", 8, 8, [], 1.0, 1.175, 2.5, 1.0)
SCENARIOS = ScenarioFigures(
    combinations=2400,
    valid=1804,
    counted=True,
    reachable=0.98,
    drawn=0.95,
    held_out=0.93,
    difficulty=[100, 0, 300, 0, 0, 400, 0, 0, 0, 200],
    difficulty_held_out=[20, 0, 60, 0, 0, 80, 0, 0, 0, 40],
    bands=[400, 400, 200],
)
EXPERT = ExpertFigures(Share(200, 200, 0.981, 1.0), Share(190, 200, 0.91, 0.973), 0.12, 0.3, [])
HOUSES = PackStatistics(
    name="houses",
    title="Houses",
    description="Designs houses.",
    lore_documents=31,
    axes=[AxisFigures("region", ["fen", "vale"], 2), AxisFigures("plot_m2", ["60 to 240 by 20 m2"], 10)],
    scenarios=SCENARIOS,
    rules=[RULE],
    guessed=Share(12, 10_000, 0.0007, 0.0021),
    expert=EXPERT,
    fields=[FIELD],
    tokens=None,
    timings=Timings(182.4, 160.0, 5.9),
)


def houses(
    *, scenarios: dict[str, Any] | None = None, expert: dict[str, Any] | None = None, **other: Any
) -> PackStatistics:
    """A pack in which nothing stands out, but for what is given."""
    return replace(
        HOUSES, scenarios=replace(SCENARIOS, **(scenarios or {})), expert=replace(EXPERT, **(expert or {})), **other
    )
