"""Advantages and the filter of dynamic sampling against a plain recomputation; SRL (ours and literal) and RLVR."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trl.trainer.utils import nanstd

from srl_pipeline.config import RlvrConfig, SrlConfig
from srl_pipeline.model_types import Pack
from srl_pipeline.training.environment.groups import Score, paper_signal, rlvr_signal, srl_signal
from srl_pipeline.training.environment.tasks import FORMAT_WEIGHT, RlvrTask, SrlTask
from srl_pipeline.verification import Verifier

FLOOR = 1e-4
rewards = st.floats(0, 1, allow_nan=False)
well_formed = st.builds(Score, rewards, st.just(True), st.booleans())
malformed = st.just(Score(-1.0, well_formed=False, correct=False))
groups = st.lists(st.one_of(well_formed, malformed), min_size=2, max_size=12)
outcomes = st.lists(st.builds(Score, rewards, st.booleans(), st.booleans()), min_size=2, max_size=12)
thresholds = st.floats(0, 0.5)

NEAR_EQUAL = [0.801, 0.803, 0.805, 0.83, 0.802, 0.804, 0.803]
TRAP = [*(Score(r, True, False) for r in NEAR_EQUAL), Score(-1.0, False, False)]
"""One format error in a group of near-equal rewards: std 0.010 without it, 0.60 with it."""


def mean_and_std(values: list[float]) -> tuple[float, float]:
    """Mean, and std of the population."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))


@given(groups, thresholds)
@settings(max_examples=300, deadline=None)
def test_the_literal_advantage_is_that_of_all_rewards_of_the_group(group: list[Score], epsilon: float) -> None:
    mean, std = mean_and_std([s.reward for s in group])
    assume(abs(std - epsilon) > 1e-9)
    found = paper_signal(group, std_epsilon=epsilon)
    assert found.kept == (std > epsilon) and found.std == pytest.approx(std, abs=1e-12)
    assert found.advantages == pytest.approx([(s.reward - mean) / (std + FLOOR) for s in group], abs=1e-9)


@given(groups, thresholds, st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_our_advantage_is_that_of_the_well_formed_rewards_plus_a_term_for_the_format(
    group: list[Score], epsilon: float, weight: float
) -> None:
    good = [s.reward for s in group if s.well_formed]
    mean, std = mean_and_std(good) if good else (0.0, 0.0)
    assume(abs(std - epsilon) > 1e-9)
    found = srl_signal(group, std_epsilon=epsilon, format_weight=weight)
    assert found.kept == (std > epsilon) and found.std == pytest.approx(std, abs=1e-12)
    for score, advantage in zip(group, found.advantages, strict=True):
        likeness = (score.reward - mean) / (std + FLOOR) if score.well_formed and std > epsilon else 0.0
        form = weight * ((1.0 if score.well_formed else 0.0) - len(good) / len(group))
        assert advantage == pytest.approx(likeness + form, abs=1e-9)


@given(outcomes)
@settings(max_examples=300, deadline=None)
def test_an_outcome_group_is_kept_for_mixed_correctness_alone_and_normalised_by_its_rewards(group: list[Score]) -> None:
    mean, std = mean_and_std([s.reward for s in group])
    found = rlvr_signal(group)
    assert found.kept == (any(s.correct for s in group) and not all(s.correct for s in group))
    assert found.advantages == pytest.approx([(s.reward - mean) / (std + FLOOR) for s in group], abs=1e-9)


@given(st.lists(well_formed, min_size=2, max_size=12), thresholds)
@settings(max_examples=200, deadline=None)
def test_without_a_format_error_both_readings_agree(group: list[Score], epsilon: float) -> None:
    ours, literal = (
        srl_signal(group, std_epsilon=epsilon, format_weight=0.5),
        paper_signal(group, std_epsilon=epsilon),
    )
    assert (ours.kept, ours.std) == (literal.kept, literal.std)
    assert not ours.kept or ours.advantages == pytest.approx(literal.advantages, abs=1e-12)


def test_in_the_literal_reading_one_format_error_passes_the_filter_and_swallows_the_steps_signal() -> None:
    found = paper_signal(TRAP, std_epsilon=0.02)
    assert found.kept and found.std > 0.5
    assert max(found.advantages[:-1]) - min(found.advantages[:-1]) < 0.06 and found.advantages[-1] < -2


def test_in_ours_the_same_group_is_dropped_and_where_it_is_kept_its_steps_differ() -> None:
    assert not srl_signal(TRAP, std_epsilon=0.02, format_weight=0.5).kept
    found = srl_signal(TRAP, std_epsilon=0.005, format_weight=0.5)
    assert found.kept and max(found.advantages[:-1]) - min(found.advantages[:-1]) > 2
    assert found.advantages[-1] == pytest.approx(-0.5 * 7 / 8)


@given(st.lists(rewards, min_size=2, max_size=12))
@settings(max_examples=200, deadline=None)
def test_stock_trl_divides_by_the_std_of_a_sample_which_is_ours_times_a_constant(values: list[float]) -> None:
    """TRL 1.16: `nanstd`, Bessel's correction. The advantages differ by sqrt((G-1)/G): 6 % for a group of eight."""
    count = len(values)
    _, std = mean_and_std(values)
    assume(std > 1e-3)
    theirs = float(nanstd(torch.tensor(values, dtype=torch.float64), dim=0))
    assert theirs == pytest.approx(std * math.sqrt(count / (count - 1)), rel=1e-6)
    ours = paper_signal([Score(v, True, False) for v in values], std_epsilon=0.0)
    mean = sum(values) / count
    for value, advantage in zip(values, ours.advantages, strict=True):
        expected = (value - mean) / (theirs * math.sqrt((count - 1) / count) + FLOOR)
        assert advantage == pytest.approx(expected, abs=1e-5)


def test_the_option_decides_which_reading_a_step_is_scored_by(scaffold_pack: Pack) -> None:
    verifier = Verifier(scaffold_pack)
    ours, literal = (
        SrlTask(verifier, SrlConfig(std_epsilon=0.02, format_advantage=reading)).signal(TRAP)
        for reading in ("separate", "in_reward")
    )
    assert ours == srl_signal(TRAP, std_epsilon=0.02, format_weight=FORMAT_WEIGHT) and not ours.kept
    assert literal == paper_signal(TRAP, std_epsilon=0.02) and literal.kept


def test_no_threshold_of_the_shaped_reward_touches_the_outcome_filter(scaffold_pack: Pack) -> None:
    task = RlvrTask(Verifier(scaffold_pack), RlvrConfig(std_epsilon=0.9))
    mixed = [Score(0.5, True, True), Score(0.5, True, False), Score(0.5, True, False)]
    assert task.signal(mixed).kept
    assert not task.signal([Score(r, True, True) for r in (1.0, 0.1, 0.9)]).kept
