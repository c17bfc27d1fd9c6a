"""Scenarios are drawn by seed, new each time, and never from the evaluation set."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.errors import PackError
from srl_pipeline.generation.sampling import (
    ScenarioSampler,
    axis_distance,
    count_valid,
    coverage,
    evaluation_ids,
    evaluation_scenarios,
    freeze_evaluation,
)
from srl_pipeline.model_types import Pack, load_pack, read_pack
from srl_pipeline.model_types.scaffold import TEMPLATE
from srl_pipeline.verification import ScenarioSpace

from ..conftest import edit

SPACE = ScenarioSpace(read_pack(TEMPLATE))
HELD_OUT = evaluation_ids(SPACE)


def ids(sampler: ScenarioSampler, count: int) -> list[str]:
    return [sampler.draw()[0].id for _ in range(count)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**63))
def test_no_seed_draws_a_scenario_of_the_evaluation_set_or_one_twice(seed: int) -> None:
    drawn = ids(ScenarioSampler(SPACE, seed), 40)
    assert not HELD_OUT & set(drawn)
    assert len(set(drawn)) == 40


def test_all_that_is_left_can_be_drawn_and_then_the_space_is_exhausted() -> None:
    sampler = ScenarioSampler(SPACE, 1)
    drawn: set[str] = set()
    with pytest.raises(PackError, match="No new scenario is left"):
        while True:
            drawn.add(sampler.draw()[0].id)
    assert not drawn & HELD_OUT
    assert len(drawn) > 0.97 * (360 - 40)


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


def test_the_same_seed_draws_the_same_scenarios_and_another_seed_others() -> None:
    assert ids(ScenarioSampler(SPACE, 7), 10) == ids(ScenarioSampler(SPACE, 7), 10)
    assert ids(ScenarioSampler(SPACE, 7), 10) != ids(ScenarioSampler(SPACE, 8), 10)


def test_what_was_drawn_before_is_not_drawn_again() -> None:
    first = ScenarioSampler(SPACE, 3)
    history = [first.draw()[0] for _ in range(30)]
    again = ids(ScenarioSampler(SPACE, 3, history), 30)
    assert not {s.id for s in history} & set(again)


def test_novelty_is_one_at_first_and_the_distance_to_the_nearest_afterwards() -> None:
    sampler = ScenarioSampler(SPACE, 1)
    scenario, novelty = sampler.draw()
    assert novelty == 1.0
    assert sampler.novelty(dict(scenario.axes)) == 0.0


def test_distance_counts_categories_whole_and_numbers_by_their_range() -> None:
    here = {"region": "saltmere", "bearer": "scribe", "hours": 1.0}
    assert axis_distance(SPACE, here, here | {"hours": 24.0}) == pytest.approx(1 / 3)
    assert axis_distance(SPACE, here, here | {"hours": 12.5}) == pytest.approx(1 / 6)
    assert axis_distance(SPACE, here, {"region": "highmarch", "bearer": "miner", "hours": 24.0}) == 1.0


def test_coverage_is_the_share_of_pairs_of_axis_values() -> None:
    assert coverage(SPACE, []) == 0.0
    one = SPACE.scenario({"region": "saltmere", "bearer": "scribe", "hours": 1}, where="test")
    assert coverage(SPACE, [one]) == pytest.approx(3 / (4 * 4 + 4 * 3 + 4 * 3))


def test_all_possible_scenarios_are_counted() -> None:
    assert count_valid(SPACE) == (360, True)


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


def test_a_pack_in_which_nothing_is_possible_says_so(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "pack.yaml", '"!(scenario.bearer', '"false && !(scenario.bearer')
    with pytest.raises(PackError, match="random scenarios were all impossible"):
        ScenarioSampler(ScenarioSpace(load_pack("lanterns")), 1).draw()
