"""Scenarios: what axes mean, and which cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.model_types import Pack
from srl_pipeline.verification import ScenarioSpace

AXES: dict[str, Any] = {"region": "sunken_fen", "bearer": "scribe", "hours": 18}


@pytest.fixture
def space(scaffold_pack: Pack) -> ScenarioSpace:
    return ScenarioSpace(scaffold_pack)


def test_a_scenario_carries_the_facts_of_the_documents_that_its_axes_name(space: ScenarioSpace) -> None:
    scenario = space.scenario(AXES, where="test")
    assert scenario.documents == ["region-sunken-fen", "bearer-scribe"]
    assert scenario.facts["bearer"] == {"mount": "stand", "colour": "amber"}


def test_a_brief_speaks_in_labels_and_plain_numbers(space: ScenarioSpace) -> None:
    assert (
        space.scenario(AXES, where="test").brief == "Make a lantern for a scribe in the Sunken Fen, to burn for 18 h."
    )


def test_equal_axes_make_equal_scenarios_whatever_their_order_or_number_type(space: ScenarioSpace) -> None:
    other = {"hours": 18.0, "bearer": "scribe", "region": "sunken_fen"}
    assert space.scenario(other, where="test") == space.scenario(AXES, where="test")


def test_every_axis_combination_has_an_index_of_its_own(space: ScenarioSpace) -> None:
    assert len({tuple(space.at(i).items()) for i in range(space.size)}) == space.size == 4 * 4 * 24


@pytest.mark.parametrize(("hours", "difficulty", "band"), [(6, 0.2, "easy"), (13, 0.5, "medium")])
def test_difficulty_is_the_packs_formula(space: ScenarioSpace, hours: int, difficulty: float, band: str) -> None:
    scenario = space.scenario(AXES | {"hours": hours}, where="test")
    assert scenario.difficulty == pytest.approx(difficulty)
    assert scenario.band == band


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"region": "moon"}, "region has no value 'moon'"),
        ({"hours": 99}, "hours has no value 99"),
        ({"hours": 2.5}, "hours has no value 2.5"),
        ({"hours": "18"}, "hours has no value '18'"),
        ({"extra": 1}, "Axis 'extra' is missing or unknown"),
        ({"bearer": "miner"}, "Nobody digs in the Sunken Fen"),
    ],
)
def test_axes_that_are_wrong_are_refused_with_the_reason(
    space: ScenarioSpace, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(PackError, match=says) as caught:
        space.scenario(AXES | change, where="examples.yaml:3")
    assert caught.value.where == "examples.yaml:3"


def test_a_missing_axis_is_named(space: ScenarioSpace) -> None:
    with pytest.raises(PackError, match="Axis 'hours' is missing"):
        space.scenario({"region": "saltmere", "bearer": "scribe"}, where="test")
