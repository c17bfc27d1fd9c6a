"""Readiness: what is hopeless is refused, what looks poor brings proposals that would be taken as settings."""

from __future__ import annotations

from typing import Any

import pytest

from srl_pipeline.config import RlvrConfig, SrlConfig, override
from srl_pipeline.presets import preset
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.memory import MB, MemoryEstimate
from srl_pipeline.training.readiness import (
    Signal,
    duration,
    hopeless,
    no_room,
    proposals,
    refills,
    signal_of,
)
from srl_pipeline.training.rollouts.collector import Group
from srl_pipeline.training.rollouts.sampling import Completion

from .world import SCENARIO

ROOMY = MemoryEstimate(optimizer=0, micro_batch=100 * MB, sampling=0, available=10_000 * MB)
BAD = None
"""A completion that does not parse."""


def group(*rewards: float | None, kept: bool = True, std: float = 0.1, right: int = 0, cut: int = 0) -> Group:
    scores = [Score(-1.0 if r is None else r, r is not None, i < right) for i, r in enumerate(rewards)]
    completions = [Completion([0] * (i + 1), "", i >= cut, []) for i in range(len(rewards))]
    prompt = Prompt("p", [], SCENARIO, None, [], [])
    return Group(prompt, completions, scores, GroupSignal([0.0] * len(rewards), kept, std))


def signal(**changes: Any) -> Signal:
    fine: dict[str, Any] = {
        "groups": 6,
        "completions": 48,
        "format_rate": 0.9,
        "correct_rate": 0.2,
        "reward_mean": 0.6,
        "reward_spread": 0.1,
        "comparable": 6,
        "equal": 0,
        "median_std": 0.1,
        "surviving": 0.9,
        "truncated": 0.0,
        "completion_tokens": 20.0,
    }
    return Signal(**(fine | changes))


def test_the_figures_are_a_plain_recount() -> None:
    found = signal_of([group(0.2, 0.4, BAD, right=1, cut=1), group(0.5, BAD, BAD, kept=False, std=0.0)])
    assert (found.groups, found.completions) == (2, 6)
    assert (found.format_rate, found.correct_rate, found.truncated) == (3 / 6, 1 / 6, 1 / 6)
    assert found.reward_mean == pytest.approx((0.2 + 0.4 - 1 + 0.5 - 1 - 1) / 6)
    assert found.reward_spread == pytest.approx((0.1 + 0.0) / 2)  # population std of 0.2 and 0.4, and of one value
    assert (found.comparable, found.equal) == (1, 0)
    assert (found.surviving, found.median_std, found.completion_tokens) == (0.5, 0.05, 2.0)


@pytest.mark.parametrize(
    ("surviving", "rounds", "attempts", "sampled", "filled"),
    [(1.0, 3, 1, 8.0, 1.0), (0.5, 3, 4, 15.0, 15 / 16), (0.5, 0, 1, 8.0, 0.5), (0.0, 2, 3, 24.0, 0.0)],
)
def test_refills_draw_what_is_lacking(
    surviving: float, rounds: int, attempts: int, sampled: float, filled: float
) -> None:
    found = refills(surviving, prompts_per_step=8, max_resamples=rounds)
    assert (found.attempts, found.sampled, found.filled) == (attempts, sampled, filled)


def test_time_and_tokens_are_those_of_the_groups_that_will_be_sampled_and_learned_from() -> None:
    config = SrlConfig(
        steps=10, prompts_per_step=8, rollouts=4, max_resamples=0, validation_prompts=8, validate_every=2
    )
    expected = refills(0.5, 8, 0)
    found = duration(config, signal(surviving=0.5), expected, rollout_seconds=2.0, update_seconds=3.0)
    assert found.seconds_a_step == 8 * 2 + 4 * 3 + 8 * 2 / 4 / 2
    assert (found.seconds, found.tokens_a_step, found.tokens) == (300, 8 * 4 * 20, 6400)


def test_ppo_samples_once_for_several_updates() -> None:
    config = RlvrConfig(algorithm="ppo", steps=1, validation_prompts=0)
    assert config.ppo.updates_per_batch == 2
    expected = refills(1.0, config.prompts_per_step, 0)
    found = duration(config, signal(), expected, rollout_seconds=2.0, update_seconds=0.0)
    assert found.seconds == config.prompts_per_step * 2.0 / 2


def test_a_student_that_cannot_follow_the_format_is_refused() -> None:
    error = hopeless("srl", signal(format_rate=0.0, comparable=0, surviving=0.0), 0.01)
    assert error and "0.0% of its steps parse" in error.what and "warmup.steps" in error.mend
    assert "6 prompts, 48 completions" in error.where


def test_the_least_format_rate_is_a_setting() -> None:
    assert hopeless("srl", signal(format_rate=0.3), 0.3) is None
    assert hopeless("srl", signal(format_rate=0.29), 0.3) is not None


def test_rewards_that_are_all_equal_are_refused() -> None:
    error = hopeless("srl", signal(equal=6, surviving=0.0), 0.01)
    assert error and "All rewards are equal" in error.what and "srl.temperature" in error.mend


@pytest.mark.parametrize(
    "found",
    [
        signal(equal=5, surviving=0.0),
        signal(comparable=0, equal=0, surviving=0.0),
        signal(equal=6, surviving=0.2),
        signal(),
    ],
    ids=["one differs", "nothing to compare", "a group survives", "all is well"],
)
def test_what_may_still_carry_signal_is_not_refused(found: Signal) -> None:
    assert hopeless("srl", found, 0.01) is None


def test_rlvr_is_never_refused_for_want_of_signal() -> None:
    assert hopeless("rlvr", signal(format_rate=0.0, equal=6, surviving=0.0), 0.01) is None


def test_too_little_memory_is_refused_with_both_figures() -> None:
    error = no_room("rlvr", RlvrConfig(micro_batch_size=16), 2048 * MB, 1000 * MB)
    assert error and "2,048 MB" in error.what and "1,000 MB" in error.what
    assert "rlvr.micro_batch_size (now 16)" in error.mend
    assert no_room("rlvr", RlvrConfig(), 5, 5) is None


def named(stage: str, config: Any, found: Signal, memory: MemoryEstimate = ROOMY, **kwargs: Any) -> dict[str, Any]:
    kwargs.setdefault("difficulties", [(0.4, 0.0), (0.8, 0.0)])
    return {p.setting: p.value for p in proposals(stage, config, found, memory, **kwargs)}


@pytest.mark.parametrize(
    ("found", "changes", "wanted"),
    [
        (signal(), {}, {}),
        (signal(format_rate=0.4), {}, {"warmup.mode": "always"}),
        (signal(truncated=0.3), {"max_tokens": 33}, {"srl.max_tokens": 50}),
        (signal(surviving=0.2), {"temperature": 0.7}, {"srl.temperature": 1.0}),
        (signal(surviving=0.2), {"rollouts": 8}, {"srl.rollouts": 16}),
        (signal(surviving=0.0, median_std=0.004), {"std_epsilon": 0.01}, {"srl.std_epsilon": 0.002}),
        (signal(surviving=0.0, median_std=0.0), {"std_epsilon": 0.01}, {"srl.rollouts": 16}),
    ],
)
def test_poor_step_rewards_bring_a_setting_to_try(
    found: Signal, changes: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert named("srl", SrlConfig(max_resamples=16, **changes), found) == wanted


def test_too_few_refills_bring_as_many_as_fill_the_batch() -> None:
    [(setting, rounds)] = named("srl", SrlConfig(max_resamples=1), signal(surviving=0.5)).items()
    assert setting == "srl.max_resamples"
    assert refills(0.5, 8, rounds).filled >= 0.9 > refills(0.5, 8, rounds - 1).filled


@pytest.mark.parametrize(
    ("right", "changes", "wanted"),
    [
        ([(0.3, 0.25), (0.9, 0.0)], {}, {"rlvr.max_difficulty": 0.3, "rlvr.routing": "measured", "rlvr.rollouts": 16}),
        ([(0.6, 0.0), (0.9, 0.0)], {}, {"rlvr.max_difficulty": 0.45, "rlvr.routing": "measured", "rlvr.rollouts": 16}),
        ([(0.3, 0.25)], {"max_difficulty": 0.3, "routing": "measured"}, {"rlvr.rollouts": 16}),
    ],
)
def test_episodes_that_are_almost_never_right_bring_easier_scenarios(
    right: list[tuple[float, float]], changes: dict[str, Any], wanted: dict[str, Any]
) -> None:
    found = signal(surviving=0.0, correct_rate=0.1)
    assert named("rlvr", RlvrConfig(max_resamples=16, **changes), found, difficulties=right) == wanted


def test_episodes_that_are_almost_always_right_bring_harder_ones() -> None:
    found = signal(surviving=0.0, correct_rate=1.0)
    assert named("rlvr", RlvrConfig(max_difficulty=0.3), found) == {"rlvr.max_difficulty": 1.0}
    assert named("rlvr", RlvrConfig(temperature=1.0), found) == {"rlvr.temperature": 1.25}


@pytest.mark.parametrize(
    ("micro_batch_size", "wanted"), [(32, {"srl.micro_batch_size": 16}), (8, {"srl.rollouts": 4}), (1, {})]
)
def test_tight_memory_brings_a_smaller_micro_batch_and_then_smaller_groups(
    micro_batch_size: int, wanted: dict[str, Any]
) -> None:
    tight = MemoryEstimate(optimizer=0, micro_batch=1400 * MB, sampling=0, available=1000 * MB)
    assert named("srl", SrlConfig(micro_batch_size=micro_batch_size), signal(), tight) == wanted


def test_every_proposal_is_a_setting_that_is_accepted() -> None:
    tight = MemoryEstimate(optimizer=0, micro_batch=1400 * MB, sampling=0, available=1000 * MB)
    poor = signal(surviving=0.1, format_rate=0.2, truncated=0.5, correct_rate=0.0)
    for stage, config in (("srl", SrlConfig(micro_batch_size=32)), ("rlvr", RlvrConfig(micro_batch_size=32))):
        found = named(stage, config, poor, tight)
        assert len(found) >= 3
        override(preset("embedded"), found)
