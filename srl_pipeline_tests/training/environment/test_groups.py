from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.training.environment.groups import Score, population_std, rlvr_signal, srl_signal

rewards = st.floats(-1, 1, allow_nan=False)
scores = st.lists(st.builds(Score, rewards, st.booleans(), st.booleans()), min_size=2, max_size=12)
SPREAD = [0.1, 0.4, 0.7, 0.9]


def good(*values: float) -> list[Score]:
    return [Score(v, well_formed=True, correct=False) for v in values]


MALFORMED = Score(-1.0, well_formed=False, correct=False)


@given(scores, st.floats(0, 0.3), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_srl_advantages_are_those_of_a_plain_reference(group: list[Score], epsilon: float, weight: float) -> None:
    found = srl_signal(group, std_epsilon=epsilon, format_weight=weight)
    formed = np.array([s.well_formed for s in group])
    reward = np.array([s.reward for s in group], dtype=np.float64)
    std = float(reward[formed].std(ddof=0)) if formed.any() else 0.0
    assert found.std == pytest.approx(std, abs=1e-12)
    if abs(std - epsilon) < 1e-9:
        return
    assert found.kept == (std > epsilon)
    expected = weight * (formed - formed.mean())
    if std > epsilon:
        expected = expected + np.where(formed, (reward - reward[formed].mean()) / (std + 1e-4), 0.0)
    assert found.advantages == pytest.approx(list(expected), abs=1e-8)


@given(scores)
@settings(max_examples=300, deadline=None)
def test_rlvr_advantages_are_those_of_a_plain_reference(group: list[Score]) -> None:
    found = rlvr_signal(group)
    reward = np.array([s.reward for s in group], dtype=np.float64)
    expected = (reward - reward.mean()) / (reward.std(ddof=0) + 1e-4)
    assert found.advantages == pytest.approx(list(expected), abs=1e-8)
    assert found.kept == (len({s.correct for s in group}) == 2)


@given(st.lists(rewards, min_size=2, max_size=10))
@settings(max_examples=200, deadline=None)
def test_the_std_is_that_of_the_population(values: list[float]) -> None:
    assert population_std(values) == pytest.approx(float(np.std(values, ddof=0)), abs=1e-12)


def test_the_std_is_not_that_of_a_sample() -> None:
    assert population_std([0.0, 1.0]) == 0.5


@given(rewards, st.integers(2, 16), st.integers(0, 4))
@settings(max_examples=300, deadline=None)
def test_a_group_of_equal_rewards_is_not_kept_even_with_a_zero_threshold(reward: float, count: int, bad: int) -> None:
    found = srl_signal(good(*[reward] * count) + [MALFORMED] * bad, std_epsilon=0.0, format_weight=0.5)
    assert not found.kept and found.std == 0.0


def test_a_malformed_rollout_among_near_equal_ones_does_not_make_the_group_kept() -> None:
    group = [*good(0.801, 0.803, 0.805, 0.8, 0.802, 0.804, 0.803), MALFORMED]
    assert population_std([s.reward for s in group]) > 0.4
    assert not srl_signal(group, std_epsilon=0.01, format_weight=0.5).kept


def test_a_malformed_rollout_does_not_shrink_the_differences_of_the_others() -> None:
    alone = srl_signal(good(*SPREAD), std_epsilon=0.01, format_weight=0.0).advantages
    beside = srl_signal([*good(*SPREAD), MALFORMED], std_epsilon=0.01, format_weight=0.0).advantages
    assert beside[:-1] == alone and beside[-1] == 0.0


def test_a_malformed_rollout_of_a_kept_group_has_the_lowest_format_advantage() -> None:
    found = srl_signal([*good(0.5, 0.5001), MALFORMED], std_epsilon=1e-6, format_weight=0.5)
    assert found.advantages[-1] == pytest.approx(-0.5 * 2 / 3)


@pytest.mark.parametrize("count", [0, 1])
def test_a_group_with_fewer_than_two_well_formed_rollouts_is_not_kept(count: int) -> None:
    assert not srl_signal(good(*[0.5] * count) + [MALFORMED] * 4, std_epsilon=0.0, format_weight=0.5).kept


def test_a_spread_at_the_threshold_is_not_kept_and_above_it_is() -> None:
    group = good(0.0, 1.0)
    assert not srl_signal(group, std_epsilon=0.5, format_weight=0.5).kept
    assert srl_signal(group, std_epsilon=0.499, format_weight=0.5).kept


@given(st.lists(rewards, min_size=2, max_size=8), st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_similarity_advantages_of_a_group_have_mean_zero_among_the_well_formed(values: list[float], bad: int) -> None:
    found = srl_signal(good(*values) + [MALFORMED] * bad, std_epsilon=0.01, format_weight=0.0)
    assert sum(found.advantages[: len(values)]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("correct", "kept"),
    [([True] * 4, False), ([False] * 4, False), ([True, False, False, False], True), ([True, True, True, False], True)],
)
@pytest.mark.parametrize("shaped", [[0.5] * 4, SPREAD])
def test_an_outcome_group_is_kept_for_mixed_correctness_whatever_the_shaped_reward(
    correct: list[bool], kept: bool, shaped: list[float]
) -> None:
    group = [Score(r, well_formed=True, correct=c) for r, c in zip(shaped, correct, strict=True)]
    assert rlvr_signal(group).kept is kept
