"""Whether to switch: margin, measurable losses, break-even, and every reason for no change."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from srl_pipeline.config import SelectionConfig
from srl_pipeline.selection import break_even
from srl_pipeline.selection.switching import months
from srl_pipeline_tests.selection.given import TASKS, assessed, chosen, measured

CONFIG = SelectionConfig(margin=0.02)
PRICES = st.just(0.0) | st.floats(1e-9, 1)
"""Dollars; next to zero a product of floats keeps no digits, or vanishes."""
money = st.floats(0.0, 1e4)


@given(switching=st.floats(1e-6, 1e6), saving=st.floats(1e-6, 1e6))
def test_months_times_saving_is_the_cost_of_the_switch(switching: float, saving: float) -> None:
    found = months(switching, saving)
    assert found is not None
    assert found * saving == pytest.approx(switching)


@given(switching=money, saving=st.floats(-1e6, -1e-9))
def test_what_costs_more_every_month_never_pays_for_itself(switching: float, saving: float) -> None:
    assert months(switching, saving) is None


def test_what_costs_nothing_has_paid_for_itself_and_what_saves_nothing_never_does() -> None:
    assert months(0.0, 0.0) == 0.0
    assert months(0.0, 5.0) == 0.0
    assert months(5.0, 0.0) is None
    assert months(1e308, 5e-324) is None


@given(usd_old=st.floats(0, 10), usd_new=st.floats(0, 10), rate_old=st.integers(1, 20), rate_new=st.integers(1, 20))
def test_the_saving_is_that_of_the_definition(usd_old: float, usd_new: float, rate_old: int, rate_new: int) -> None:
    config = SelectionConfig(min_pass_rate=0.0, switch_usd=7.0, accepted_per_month=500, quality_usd=3.0)
    figures = [measured("old", rate_old, usd=usd_old), measured("new", rate_new, usd=usd_new, measuring_usd=0.25)]
    found = assessed(figures, config)
    pays = break_even(found["old"], found["new"], config)
    assert pays.switching_usd == 7.25
    assert pays.money_usd_per_month == pytest.approx(500 * (usd_old - usd_new))
    assert pays.quality_usd_per_month == pytest.approx(3.0 * 100 * (rate_new - rate_old) / TASKS)
    assert pays.saving_usd_per_month == pays.money_usd_per_month + pays.quality_usd_per_month
    assert pays.months == months(pays.switching_usd, pays.saving_usd_per_month)


@settings(max_examples=60)
@given(low=st.floats(0, 1), rise=st.floats(0, 1))
def test_a_dearer_challenger_never_pays_for_itself_sooner(low: float, rise: float) -> None:
    def when(usd: float) -> float:
        config = SelectionConfig(switch_usd=10.0)
        found = assessed([measured("old", usd=0.5), measured("new", usd=usd)], config)
        pays = break_even(found["old"], found["new"], config)
        return math.inf if pays.months is None else pays.months

    assert when(low + rise) >= when(low)


@settings(max_examples=60)
@given(
    usd_old=st.just(0.0) | st.floats(1e-9, 1),  # money that a hundredth of does not vanish
    usd_new=st.just(0.0) | st.floats(1e-9, 1),
    accepted_old=st.integers(8, 20),
    accepted_new=st.integers(8, 20),
    unit=st.sampled_from([0.01, 0.5, 100.0, 1000.0]),
)
def test_the_decision_is_the_same_in_cents(
    usd_old: float, usd_new: float, accepted_old: int, accepted_new: int, unit: float
) -> None:
    def decided(unit: float) -> tuple[bool, float | None, list[float]]:
        config = SelectionConfig(
            switch_usd=20.0 * unit, quality_usd=1.5 * unit, max_usd_per_accepted=0.8 * unit, min_pass_rate=0.3
        )
        figures = [
            measured("old", accepted_old, usd=usd_old * unit),
            measured("new", accepted_new, usd=usd_new * unit, measuring_usd=0.3 * unit),
        ]
        choice = chosen(figures, config)
        scores = [a.score.total for a in assessed(figures, config).values() if a.score]
        return choice.change, choice.break_even.months if choice.break_even else None, scores

    change, when, scores = decided(1.0)
    # exactly on a threshold rounding decides
    assume(all(abs(usd - 0.8) > 1e-6 for usd in (usd_old, usd_new)))
    assume(len(scores) < 2 or abs(scores[1] - scores[0] - 0.02) > 1e-9)
    assume(when is None or abs(when - 6.0) > 1e-6)
    assert decided(unit) == (change, when if when is None else pytest.approx(when, rel=1e-6), pytest.approx(scores))


def test_a_better_one_takes_over_and_says_what_it_brings() -> None:
    choice = chosen([measured("old", 10, usd=0.0), measured("new", 20, usd=0.01)], CONFIG)
    assert (choice.change, choice.chosen) == (True, "new")
    assert choice.reasons[0].startswith("new takes over from old: new scores ")
    assert "new solves 20 of 20 tasks, old 10 of 20." in choice.reasons
    # 2000 a month: $20 dearer, 50 more in a hundred at $1 each
    assert "brings $30.00 a month (money $-20.00, quality $50.00)" in choice.reasons[-1]
    assert [(a.name, a.chosen) for a in choice.alternatives] == [("old", False), ("new", True)]
    assert choice.alternatives[1].figures["usd_per_accepted"] == 0.01


def test_a_lead_within_the_margin_changes_nothing() -> None:
    figures = [measured("old", 16), measured("new", 17)]
    assert chosen(figures, SelectionConfig(margin=0.02)).change
    stays = chosen(figures, SelectionConfig(margin=0.1))
    assert not stays.change
    assert "a switch needs 0.1 more (selection.margin)" in stays.reasons[0]


def test_equal_scores_change_nothing_even_without_a_margin() -> None:
    assert not chosen([measured("old"), measured("new")], SelectionConfig(margin=0.0)).change


@given(old=st.integers(8, 20), new=st.integers(8, 20), usd_old=st.floats(0, 1), usd_new=st.floats(0, 1))
def test_nobody_is_switched_back_at_once(old: int, new: int, usd_old: float, usd_new: float) -> None:
    config = SelectionConfig(margin=0.02, min_pass_rate=0.3)
    figures = [measured("old", old, usd=usd_old), measured("new", new, usd=usd_new)]
    if chosen(figures, config).change:
        assert not chosen(figures, config, incumbent="new").change


def test_a_cheaper_one_that_is_measurably_worse_is_refused() -> None:
    config = SelectionConfig(min_pass_rate=0.3, quality_usd=0.01, weights={"quality": 0.2, "cost": 0.8, "latency": 0.0})
    choice = chosen([measured("old", 20, usd=1.0), measured("new", 10, usd=0.1)], config)
    assert not choice.change
    assert (
        "solves measurably fewer of the same 20 tasks: 10 that old solves are lost, 0 are gained" in choice.reasons[0]
    )


def test_a_switch_that_does_not_pay_in_time_is_refused_with_its_figures() -> None:
    config = SelectionConfig(switch_usd=100.0, accepted_per_month=1000, max_break_even_months=6.0)
    choice = chosen([measured("old", usd=0.02), measured("new", usd=0.01)], config)
    assert not choice.change
    assert "pay for itself in 10 months: it costs $100.00 and brings $10.00 a month" in choice.reasons[0]
    assert choice.break_even is not None
    assert choice.break_even.months == pytest.approx(10.0)


def test_a_quality_that_costs_more_than_it_is_worth_never_pays() -> None:
    choice = chosen([measured("old", 16, usd=0.01), measured("new", 20, usd=0.1)], CONFIG)
    assert not choice.change
    assert "never pay for itself" in choice.reasons[0]


def test_the_second_best_takes_over_where_the_best_does_not_pay() -> None:
    figures = [measured("old", 12), measured("dear", 20, usd=0.04), measured("fair", 18, usd=0.011)]
    choice = chosen(figures, CONFIG)
    assert choice.chosen == "fair"
    assert "never pay" in next(a.why for a in choice.alternatives if a.name == "dear")


def test_an_incumbent_that_breaks_a_hard_constraint_is_left_without_a_margin() -> None:
    config = SelectionConfig(max_usd_per_accepted=0.05, switch_usd=1000.0)
    choice = chosen([measured("old", 20, usd=0.06), measured("new", 12, usd=0.05)], config)
    assert choice.chosen == "new"
    assert "old, which breaks a hard constraint (cost): $0.06 for an accepted one" in choice.reasons[0]


def test_an_incumbent_that_could_not_be_measured_is_not_left() -> None:
    old = measured("old", hindrance="budget", problem="The cap of the month is reached.")
    choice = chosen([old, measured("new", 20)], CONFIG)
    assert not choice.change
    assert choice.reasons[0].startswith("No change, because old could not be measured. old: The cap of the month")


def test_where_all_are_refused_nothing_changes_and_each_reason_is_told() -> None:
    choice = chosen([measured("old", 12), measured("new", 16)], SelectionConfig(min_pass_rate=0.99))
    assert (choice.change, choice.chosen) == (False, "old")
    assert choice.reasons[0].startswith("No change, because no candidate meets the hard constraints. old: 60% of ")
    assert "new: 80% of its 20 tasks" in choice.reasons[0]


def test_where_only_the_incumbent_is_left_nothing_changes() -> None:
    over_budget = {"hindrance": "budget", "problem": "The cap is reached."}
    choice = chosen([measured("old"), measured("a", **over_budget), measured("b", **over_budget)], CONFIG)
    assert "no candidate beside old meets the hard constraints. a: The cap is reached. b: The cap" in choice.reasons[0]


def test_without_any_other_candidate_nothing_changes() -> None:
    assert "there is no candidate beside old" in chosen([measured("old")], CONFIG).reasons[0]


def test_an_empty_list_changes_nothing() -> None:
    choice = chosen([], CONFIG)
    assert (choice.change, choice.chosen) == (False, "old")


def test_an_incumbent_that_was_not_assessed_stays() -> None:
    choice = chosen([measured("new", 20)], CONFIG)
    assert (choice.change, choice.chosen) == (False, "old")
    assert "old holds and was not assessed" in choice.reasons[0]


def test_figures_without_a_common_task_are_not_compared() -> None:
    elsewhere = measured("new", 20, solved={f"t{n}": True for n in range(TASKS)})
    assert "no task in common" in chosen([measured("old", 10), elsewhere], CONFIG).reasons[0]


def test_what_is_kept_of_a_candidate_holds_finite_figures_only() -> None:
    choice = chosen([measured("old"), measured("new", usd=math.nan, p50=math.inf)], CONFIG)
    assert all(math.isfinite(v) for a in choice.alternatives for v in a.figures.values())
