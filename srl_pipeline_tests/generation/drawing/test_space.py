"""How many scenarios of a pack are possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.generation.drawing import count_valid
from srl_pipeline.model_types import load_pack
from srl_pipeline.verification import ScenarioSpace

from ...conftest import edit
from .given import SPACE


def test_all_possible_scenarios_are_counted() -> None:
    assert count_valid(SPACE) == (360, True)


@pytest.mark.parametrize(
    "constraint",
    [
        "scenario.hours < 20 || scenario.region != 'saltmere'",
        "facts.region.wind == 'gusty' || facts.bearer.mount != 'hook'",
        "scenario.hours > 30",
        "1 < 2",
    ],
)
def test_the_count_is_that_of_asking_every_constraint_of_every_combination(
    scaffold_folder: Path, constraint: str
) -> None:
    edit(
        scaffold_folder / "pack.yaml",
        "constraints: ",
        f'constraints:\n  - {{id: new, assert: "{constraint}", message: m}}  ',
    )
    space = ScenarioSpace(load_pack("lanterns"))
    tried = [space.impossible(space.at(i)) for i in range(space.size)]
    assert count_valid(space) == (tried.count(None), True)


def test_a_constraint_that_relies_on_those_before_it_is_counted_where_they_hold(scaffold_folder: Path) -> None:
    relying = "['a', 'b'][int(scenario.hours)] == 'b'"
    edit(
        scaffold_folder / "pack.yaml",
        "constraints: ",
        f'constraints:\n  - {{id: few, assert: "scenario.hours < 2", message: m}}\n'
        f'  - {{id: relying, assert: "{relying}", message: m}}  ',
    )
    space = ScenarioSpace(load_pack("lanterns"))
    tried = [space.impossible(space.at(i)) for i in range(space.size)]
    assert 0 < tried.count(None) < space.size
    assert count_valid(space) == (tried.count(None), True)
