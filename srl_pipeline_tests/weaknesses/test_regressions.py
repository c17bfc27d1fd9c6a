"""What is worse than in the promoted model is told by figure and slice; what is better, or noise, is not."""

from __future__ import annotations

import math
import random

import pytest

from srl_pipeline.evaluation import Episode
from srl_pipeline.weaknesses import Regression
from srl_pipeline.weaknesses.regressions import regressions

from .given import SETTINGS, episodes, is_in, stage


def worse(before: list[Episode], after: list[Episode]) -> list[Regression]:
    return regressions(stage(after), stage(before), SETTINGS, 0.95)[0]


def changed(given_: list[Episode], **changes: object) -> list[Episode]:
    return [e.model_copy(update=changes) for e in given_]


SOLVED = episodes(lambda i, e: i % 8 == 0)


def test_a_slice_that_the_candidate_no_longer_solves_is_found() -> None:
    after = episodes(lambda i, e: i % 8 == 0 or (is_in(e, region="high_moor") and i % 3 > 0))
    found = [r for r in worse(SOLVED, after) if r.part]
    first = found[0]
    assert first.part and first.part.where[0].label == "high_moor"
    assert first.gained == 0 and first.n == 24
    assert first.effect == pytest.approx(first.lost / 24)
    assert first.low is not None and first.high is not None and 0 < first.low < first.effect < first.high
    assert f"worse than the current model on {first.lost} of 24 scenarios, better on 0" in first.sentence
    lost = {a.scenario_id for b, a in zip(SOLVED, after, strict=True) if b.correct and not a.correct}
    assert set(first.samples) <= lost


def test_a_candidate_that_is_better_is_no_regression() -> None:
    assert worse(episodes(lambda i, e: i % 2 == 0), SOLVED) == []


def test_more_hard_violations_are_worse_and_fewer_are_not() -> None:
    breaking = [e.model_copy(update={"hard_broken": ["x"] if i % 6 == 0 else []}) for i, e in enumerate(SOLVED)]
    assert [(r.figure, r.part) for r in worse(SOLVED, breaking)] == [("hard_violation_rate", None)]
    assert worse(breaking, SOLVED) == []


def test_a_lower_reward_is_worse_also_where_as_many_are_solved() -> None:
    lower = [e.model_copy(update={"reward": e.reward - 0.01 * (i % 7)}) for i, e in enumerate(SOLVED)]
    assert [r.figure for r in worse(SOLVED, lower)] == ["reward_mean"]


def test_a_reward_that_is_not_finite_is_not_compared() -> None:
    assert worse(SOLVED, changed(SOLVED, reward=math.nan)) == []


def test_only_scenarios_that_both_tried_are_compared() -> None:
    others = [e.model_copy(update={"scenario_id": f"other {e.scenario_id}"}) for e in SOLVED]
    assert regressions(stage(changed(others, correct=False)), stage(SOLVED), SETTINGS, 0.95) == ([], 0)


def test_the_order_of_the_scenarios_does_not_matter() -> None:
    after = episodes(lambda i, e: i % 3 == 0)
    turned = random.Random(1).sample(after, len(after))
    assert [r.lost for r in worse(SOLVED, after)] == [r.lost for r in worse(SOLVED, turned)]


def test_the_same_answers_are_no_regression() -> None:
    assert worse(SOLVED, SOLVED) == []


def test_without_a_scenario_nothing_is_compared() -> None:
    assert regressions(stage([]), stage(SOLVED), SETTINGS, 0.95) == ([], 0)
