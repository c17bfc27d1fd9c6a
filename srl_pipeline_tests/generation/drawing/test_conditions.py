"""The quick answers about a combination are those of the scenario space."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing.codes import AxisCodes
from srl_pipeline.generation.drawing.conditions import Conditions
from srl_pipeline.model_types import load_pack
from srl_pipeline.verification import ScenarioSpace

from ...conftest import edit

PACKS = ("animals", "buildings", "facial", "personality", "plants", "sounds", "trees")


def assert_same(space: ScenarioSpace, count: int) -> None:
    codes, rng = AxisCodes(space), random.Random(1)
    conditions = Conditions(space, codes)
    for _ in range(count):
        digits = codes.random(rng)
        axes = codes.axes(digits)
        assert conditions.possible(digits) == (space.impossible(axes) is None)
        if conditions.possible(digits):
            assert conditions.difficulty(digits) == space.scenario(axes, where="test").difficulty


@pytest.mark.parametrize("pack", PACKS)
def test_possibility_and_difficulty_are_those_of_the_space(pack: str) -> None:
    assert_same(ScenarioSpace(load_pack(pack)), 60)


def test_a_constraint_that_relies_on_those_before_it_is_asked_after_them(scaffold_folder: Path) -> None:
    edit(
        scaffold_folder / "pack.yaml",
        "constraints: ",
        'constraints:\n  - {id: few, assert: "scenario.hours < 2", message: m}\n'
        "  - {id: relying, assert: \"['a', 'b'][int(scenario.hours)] == 'b'\", message: m}  ",
    )
    assert_same(ScenarioSpace(load_pack("lanterns")), 200)


def test_a_difficulty_that_is_no_number_is_an_error_that_names_the_formula(scaffold_folder: Path) -> None:
    text = (scaffold_folder / "pack.yaml").read_text(encoding="utf-8")
    line = next(row for row in text.splitlines() if row.startswith("difficulty:"))
    edit(scaffold_folder / "pack.yaml", line, "difficulty: \"'hard'\"")
    space = ScenarioSpace(load_pack("lanterns"))
    codes = AxisCodes(space)
    with pytest.raises(PackError, match="difficulty formula"):
        Conditions(space, codes).difficulty((0, 0, 0))
