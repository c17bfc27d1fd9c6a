"""Scenarios are drawn by seed, steered, new each time, and never from the evaluation set."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from srl_pipeline.config import GenerationConfig
from srl_pipeline.contracts import Action, Scenario
from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing import Drawing, FailedEpisode, Feedback, count_valid, coverage
from srl_pipeline.generation.drawing.mix import GenerationYield, StrategyCounts
from srl_pipeline.model_types import load_pack
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.verification import ScenarioSpace, Verifier

from ...conftest import edit
from .given import FROZEN, HELD_OUT, SPACE, drawing, history_of, outcomes


def ids(found: Drawing) -> list[str]:
    return [d.scenario.id for d in found]


def fails_on_scribes(scenario: Scenario) -> float:
    return 0.125 if scenario.axes["bearer"] == "scribe" else 0.875


def first_generation(count: int = 60) -> list[Scenario]:
    return [d.scenario for d in drawing(count)]


def measured(**given_: object) -> Feedback:
    """A first generation was drawn, and the student fails on scribes."""
    before = first_generation()
    return Feedback(history_of(before), outcomes(before, fails_on_scribes), **given_)  # type: ignore[arg-type]


def failed_episode(scenario: Scenario, right: int) -> FailedEpisode:
    """The expert's solution with an impossible word after ``right`` steps."""
    verifier = Verifier(SPACE.pack)
    steps = SearchTeacher(verifier).solve(scenario, "")[0][1]
    actions: list[Action] = list(steps)
    wrong = dict.fromkeys(actions[min(right, len(actions) - 1)], "no such thing")
    return FailedEpisode(scenario.axes, [*actions[:right], wrong] if right < len(actions) else actions)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**63))
def test_no_seed_draws_a_scenario_of_the_evaluation_set_or_one_twice(seed: int) -> None:
    drawn = ids(drawing(40, seed=seed))
    assert not HELD_OUT & set(drawn)
    assert len(set(drawn)) == 40


def test_all_that_may_be_drawn_is_and_then_the_space_is_exhausted() -> None:
    drawn: set[str] = set()
    with pytest.raises(PackError, match="No new scenario is left") as caught:
        for found in drawing(1000):
            drawn.add(found.scenario.id)
    beside = {
        (f["region"], f["bearer"], float(f["hours"]) + step) for f in FROZEN for step in (-1, 0, 1)
    }  # the evaluation set and what is one hour from it
    every = [SPACE.at(i) for i in range(SPACE.size)]
    free = [a for a in every if SPACE.impossible(a) is None and tuple(a.values()) not in beside]
    assert len(drawn) > 0.97 * len(free)
    assert len(drawn) <= len(free) < count_valid(SPACE)[0]
    assert "near_held_out" in caught.value.what


def test_the_same_seed_draws_the_same_scenarios_and_another_seed_others() -> None:
    assert ids(drawing(10, seed=7)) == ids(drawing(10, seed=7))
    assert ids(drawing(10, seed=7)) != ids(drawing(10, seed=8))


def test_the_same_feedback_draws_the_same_sequence_twice() -> None:
    feedback = measured()
    first, second = (list(drawing(30, feedback=feedback)) for _ in range(2))
    assert first == second  # nor did the first drawing change the history


def test_what_was_drawn_before_is_not_drawn_again() -> None:
    before = first_generation()
    again = ids(drawing(60, feedback=Feedback(history_of(before))))
    assert not {s.id for s in before} & set(again)


def test_what_is_kept_is_not_drawn_again_and_counts_as_covered() -> None:
    kept = first_generation(20)
    found = Drawing(SPACE, 2, 20, GenerationConfig(), kept=[s.axes for s in kept])
    assert found.coverage == pytest.approx(coverage(SPACE, kept))
    assert not {s.id for s in kept} & set(ids(found))


def test_scenarios_come_one_at_a_time() -> None:
    found = drawing(1_000_000)
    assert len(list(islice(found, 3))) == 3
    assert found.drawn.total() == 3


def test_the_first_generation_is_fresh_and_says_why() -> None:
    found = drawing(20)
    assert {d.strategy for d in found} == {"fresh"}
    assert found.shares == {"fresh": 1.0, "adversarial": 0.0, "frontier": 0.0, "repair": 0.0}
    assert found.reasons["frontier"] == "no frontier known"
    assert found.reasons["fresh"] == "the only strategy with something to draw"


def test_drawing_covers_more_than_chance_does() -> None:
    steered = drawing(24)
    list(steered)
    by_chance = [
        coverage(SPACE, [SPACE.scenario(SPACE.at(i), where="test") for i in _possible(seed)]) for seed in range(5)
    ]
    assert steered.coverage > max(by_chance)


def _possible(seed: int) -> list[int]:
    import random

    rng = random.Random(seed)
    return rng.sample([i for i in range(SPACE.size) if SPACE.impossible(SPACE.at(i)) is None], 24)


def test_an_adversarial_scenario_is_one_or_two_axes_from_one_that_the_student_fails_on() -> None:
    feedback = measured()
    failing = {s.id: s.axes for s in first_generation() if fails_on_scribes(s) < 0.5}
    found = [d for d in drawing(60, feedback=feedback) if d.strategy == "adversarial"]
    assert len(found) >= 6
    for drawn in found:
        changed = sum(drawn.scenario.axes[a] != v for a, v in failing[drawn.parent].items())
        assert changed in (1, 2)


def test_a_scenario_of_the_evaluation_set_never_begets_another() -> None:
    frozen = [SPACE.scenario(axes, where="test") for axes in FROZEN]
    only_held_out = Feedback(outcomes=outcomes(frozen, lambda s: 0.0), held_out=outcomes(frozen, lambda s: 0.0))
    found = drawing(10, feedback=only_held_out)
    assert found.reasons["adversarial"] == "no training scenario is known on which the student fails"
    assert all(not d.parent for d in found)


def test_steering_goes_where_the_student_is_weak() -> None:
    weak = Counter(d.scenario.axes["bearer"] for d in drawing(60, feedback=measured()))
    blind = Counter(d.scenario.axes["bearer"] for d in drawing(60, feedback=Feedback(history_of(first_generation()))))
    assert weak["scribe"] > blind["scribe"]


def test_weakness_on_the_evaluation_set_steers_by_axis_value() -> None:
    frozen = [SPACE.scenario(axes, where="test") for axes in FROZEN]
    held_out = Feedback(held_out=outcomes(frozen, fails_on_scribes, episodes=1))
    seen = [
        Counter(d.scenario.axes["bearer"] for d in drawing(60, feedback=f))["scribe"] for f in (held_out, Feedback())
    ]
    assert seen[0] > seen[1]


def by_difficulty(scenario: Scenario) -> float:
    return max(0.0, 1.0 - scenario.difficulty)


def test_a_frontier_scenario_is_one_that_the_student_is_predicted_to_solve_now_and_then() -> None:
    before = first_generation()
    feedback = Feedback(history_of(before), outcomes(before, by_difficulty))
    found = drawing(60, feedback=feedback)
    frontier = [d.scenario for d in found if d.strategy == "frontier"]
    assert len(frontier) >= 6
    assert found._curve is not None
    assert all(0.2 <= found._curve(s.difficulty) <= 0.8 for s in frontier)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_student_that_always_or_never_passes_has_no_frontier(rate: float) -> None:
    found = drawing(10, feedback=Feedback(outcomes=outcomes(first_generation(), lambda s: rate)))
    assert found.shares["frontier"] == 0.0
    assert found.reasons["frontier"] == "no frontier known"


def test_a_repair_comes_with_the_right_steps_before_the_first_error() -> None:
    before = first_generation()
    failed = [failed_episode(s, right=1) for s in before[:30]]
    found = [d for d in drawing(40, feedback=measured(failed=failed)) if d.strategy == "repair"]
    known = {s.id: f.actions for s, f in zip(before, failed, strict=False)}
    assert len(found) >= 4
    for drawn in found:
        assert drawn.parent == drawn.scenario.id and drawn.novelty == 0.0
        assert [s.action for s in drawn.prefix] == known[drawn.parent][:1]
        assert drawn.prefix[0].title == SPACE.pack.spec.steps[0].title
    assert len({d.scenario.id for d in found}) == len(found)


def test_an_episode_with_nothing_right_or_nothing_wrong_is_no_repair() -> None:
    before = first_generation()
    steps = len(SPACE.pack.spec.steps)
    failed = [failed_episode(s, right=right) for s, right in zip(before, [0, steps] * 10, strict=False)]
    found = drawing(40, feedback=measured(failed=failed))
    assert all(d.strategy != "repair" for d in found)
    assert found.refused["nothing_to_repair"] == 20
    assert found.refused["repair_to_fresh"] > 0


def test_repairs_that_there_are_no_episodes_for_are_drawn_fresh_and_counted() -> None:
    feedback = measured(failed=[failed_episode(first_generation()[0], right=1)])
    found = drawing(40, feedback=feedback)
    drawn = Counter(d.strategy for d in found)
    assert drawn["repair"] == 1
    assert found.refused["repair_to_fresh"] == round(found.shares["repair"] * 40) - 1
    assert drawn.total() == 40


def test_a_held_out_scenario_is_never_repaired() -> None:
    scenario = SPACE.scenario(FROZEN[0], where="test")
    found = drawing(10, feedback=Feedback(failed=[failed_episode(scenario, right=1)]))
    assert found.shares["repair"] == 0.0


def test_a_strategy_that_has_nothing_left_gives_its_draws_to_fresh() -> None:
    only_parent = outcomes(first_generation(1), lambda s: 0.0)
    found = drawing(230, feedback=Feedback(outcomes=only_parent), strategies=["fresh", "adversarial"])
    drawn = Counter(d.strategy for d in found)
    assert drawn.total() == 230
    assert drawn["adversarial"] + found.refused["adversarial_to_fresh"] == 115
    assert found.refused["adversarial_to_fresh"] > 0


def test_the_strategy_that_paid_gets_more() -> None:
    counts = {"fresh": StrategyCounts(40, 40, 40, 2), "adversarial": StrategyCounts(40, 40, 40, 30)}
    feedback = measured(yields=[GenerationYield(1, counts)], previous_mix={"fresh": 0.5, "adversarial": 0.5})
    found = drawing(100, feedback=feedback, strategies=["fresh", "adversarial"])
    drawn = Counter(d.strategy for d in found)
    assert drawn["adversarial"] == 75  # all that one step of 0.25 allows
    assert "with gradient 75%" in found.reasons["adversarial"]


def test_refusals_are_counted_by_reason() -> None:
    found = drawing(60)
    list(found)
    assert {"impossible", "held_out", "near_held_out", "repeated"} <= set(found.refused)
    assert found.drawn == {"fresh": 60}


@pytest.mark.parametrize("names", [["repair"], ["fresh", "fresh"], ["fresh", "guess"], []])
def test_the_strategies_of_a_configuration_are_known_ones_with_fresh_among_them(names: list[str]) -> None:
    with pytest.raises(ValidationError):
        GenerationConfig.model_validate({"strategies": names})


def test_a_pack_in_which_nothing_is_possible_says_so(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "pack.yaml", '"!(scenario.bearer', '"false && !(scenario.bearer')
    with pytest.raises(PackError, match="random scenarios were all impossible"):
        next(Drawing(ScenarioSpace(load_pack("lanterns")), 1, 1, GenerationConfig()))


@pytest.mark.slow
@pytest.mark.parametrize("pack", ["animals", "plants", "sounds"])
def test_drawing_a_scenario_takes_a_few_milliseconds(pack: str) -> None:
    found = Drawing(ScenarioSpace(load_pack(pack)), 1, 600, GenerationConfig())
    list(islice(found, 300))
    seconds: list[float] = []
    for _ in range(300):
        started = time.process_time()
        next(found)
        seconds.append(time.process_time() - started)
    assert statistics.median(seconds) < 0.005
