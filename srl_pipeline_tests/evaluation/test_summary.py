"""From episodes to figures: constructed cases whose answers are counted by hand."""

from __future__ import annotations

import math

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.evaluation import summarise

from .builders import episode, results, solved, stage, training


def test_stage_figures_are_counted_from_the_episodes() -> None:
    odd = episode(
        2, False, format_ok=False, broken=["schema"], hard_broken=["schema"], considered=[], steps_ok=0, tokens=70
    )
    made = summarise(results(stage("base", [], episodes=[episode(0, True), episode(1, False), odd]))).stages[0]
    assert made.pass_rate.value == pytest.approx(1 / 3)
    assert made.format_rate.value == pytest.approx(2 / 3)
    assert made.hard_violation_rate.value == pytest.approx(2 / 3)
    assert made.steps_ok.value == pytest.approx(8 / 3)
    assert (made.tokens_total, made.tokens_per_second) == (270, 13.5)


def test_a_stage_without_episodes_has_no_rates() -> None:
    made = summarise(results(stage("base", []))).stages[0]
    assert made.pass_rate.value is None and made.reward.value is None and made.tokens_per_second is None


def test_a_skill_is_the_share_of_its_applicable_rules_that_held() -> None:
    episodes = [
        episode(0, True, considered=["stone-is-local"]),
        episode(1, False, considered=["stone-is-local"], broken=["stone-is-local"], hard_broken=["stone-is-local"]),
        episode(2, True, considered=["door-fits-rank"]),
    ]
    skills = {s.name: s.rate for s in summarise(results(stage("base", [], episodes=episodes))).stages[0].skills}
    assert (skills["regional_materials"].value, skills["regional_materials"].n) == (0.5, 2)
    assert (skills["climate"].value, skills["climate"].n) == (None, 0)


def test_a_soft_violation_is_no_hard_one() -> None:
    soft = episode(0, True, broken=["budget-holds"], hard_broken=[], reward=0.9)
    made = summarise(results(stage("base", [], episodes=[soft]))).stages[0]
    assert made.hard_violation_rate.value == 0.0
    assert [(r.rule, r.severity, r.broken, r.applied) for r in made.broken_rules] == [("budget-holds", "soft", 1, 1)]


def test_bands_are_shown_in_order_of_difficulty_with_their_counts() -> None:
    bands = summarise(results(stage("base", [True, False, True, False]))).stages[0].bands
    assert [(b.name, b.rate.value, b.rate.n) for b in bands] == [("easy", 0.5, 2), ("medium", 0.0, 1), ("hard", 1.0, 1)]


def test_a_numeric_axis_of_many_values_is_cut_into_ranges_that_cover_every_episode() -> None:
    slices = summarise(results(stage("base", solved(0.5, 40)))).stages[0].axes["plot_m2"]
    assert [s.name for s in slices] == ["60 to 80", "100 to 140", "160 to 180", "200 to 240"]
    assert sum(s.rate.n for s in slices) == 40


def test_each_stage_is_compared_with_the_one_before_and_with_base() -> None:
    made = summarise(results(*(stage(name, [True, False]) for name in ("base", "warmup", "srl", "rlvr"))))
    pairs = [(c.after, c.before) for c in made.comparisons]
    assert pairs == [("warmup", "base"), ("srl", "warmup"), ("rlvr", "srl"), ("srl", "base"), ("rlvr", "base")]


def test_comparisons_pair_by_scenario_and_not_by_place() -> None:
    before, after = stage("base", [True, False]), stage("srl", [True, False])
    turned = after.model_copy(update={"episodes": after.episodes[::-1]})
    change = summarise(results(before, turned)).comparisons[0].passed
    assert (change.gained, change.lost) == (0, 0)


def test_scenarios_that_one_stage_lacks_are_left_out_of_the_comparison() -> None:
    assert (
        summarise(results(stage("base", [True] * 5), stage("srl", [True] * 3))).comparisons[0].passed.difference.n == 3
    )


def test_a_scenario_that_comes_twice_is_refused() -> None:
    with pytest.raises(PipelineError, match="'s0' comes 2 times"):
        summarise(results(stage("base", [], episodes=[episode(0, True), episode(0, False)])))


def test_training_figures_come_from_the_metrics_and_else_from_the_curve() -> None:
    made = summarise(results(training=[training("srl", 2, kl=0.02, kept_fraction=math.nan)])).training[0]
    kept = [row["kept_fraction"] for row in training("srl", 2).curve]
    assert made.kl == 0.02
    assert made.kept_fraction == pytest.approx(sum(kept) / 2)


def test_training_figures_that_nobody_measured_are_unknown() -> None:
    made = summarise(results(training=[training("warmup", 0)])).training[0]
    assert made.kl is None and made.kept_fraction is None and made.reward_last is None
