"""The evaluation set: frozen once, in an order, and never more than half of what is possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing import evaluation_scenarios, freeze_evaluation
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.verification import ScenarioSpace

from .given import SPACE


def test_the_held_out_scenarios_come_in_their_frozen_order() -> None:
    frozen = SPACE.pack.definition.evaluation.scenarios
    assert [s.axes for s in evaluation_scenarios(SPACE, 5)] == frozen[:5]


def test_a_pack_without_an_evaluation_set_says_how_to_freeze_one(scaffold_folder: Path) -> None:
    (scaffold_folder / "evaluation.yaml").unlink()
    with pytest.raises(PackError, match="packs freeze lanterns"):
        evaluation_scenarios(ScenarioSpace(load_pack("lanterns")))


def test_the_frozen_choice_is_seeded_by_the_name_and_holds_no_scenario_twice(scaffold_pack: Pack) -> None:
    space = ScenarioSpace(scaffold_pack)
    chosen = freeze_evaluation(space, 40)
    assert chosen == freeze_evaluation(space, 40)
    assert chosen == scaffold_pack.definition.evaluation.scenarios
    assert len({tuple(a.items()) for a in chosen}) == 40


@pytest.mark.parametrize("count", [0, -1, 181, 1000])
def test_freezing_leaves_at_least_half_for_generation(count: int) -> None:
    with pytest.raises(PackError, match="cannot be held out"):
        freeze_evaluation(SPACE, count)
