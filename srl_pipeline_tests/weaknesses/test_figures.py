"""Figures beside those before: what is worse is an alarm, what is better is none, what is missing is told."""

from __future__ import annotations

import math

import pytest

from srl_pipeline.registry import Entry
from srl_pipeline.weaknesses import Figure
from srl_pipeline.weaknesses.figures import RESOURCES, figures, promoted_figures, window_of

from .given import SETTINGS, entry

LATENCIES = ("latency_p50_seconds", "latency_p95_seconds", "latency_p99_seconds")


def figure(
    name: str, value: float | None, *, promoted: float | None = None, before: list[float] | None = None, n: float = 200
) -> Figure:
    """The figure ``name`` of an evaluation, beside the promoted model's and those of a window."""
    window = [entry(seq, **{name: past, "n": n}) for seq, past in enumerate(before or [], start=1)]
    metrics = {"n": n} | ({name: value} if value is not None else {})
    known = {name: promoted} if promoted is not None else {}
    return next(f for f in figures(metrics, known, window, SETTINGS) if f.name == name)


@pytest.mark.parametrize("name", LATENCIES)
def test_a_tripled_latency_is_an_alarm(name: str) -> None:
    assert figure(name, 3.0, promoted=1.0).state == "alarm"
    assert figure(name, 3.0, before=[1.0, 0.9, 1.1]).state == "alarm"


@pytest.mark.parametrize("name", LATENCIES)
def test_a_latency_cut_to_a_third_is_no_alarm(name: str) -> None:
    assert figure(name, 1.0, promoted=3.0).state == "no alarm"
    assert figure(name, 1.0, before=[3.0, 2.9, 3.1]).state == "no alarm"


def test_a_speed_that_falls_to_a_third_is_an_alarm_and_a_tripled_one_is_not() -> None:
    assert figure("tokens_per_second", 10.0, promoted=30.0).state == "alarm"
    assert figure("tokens_per_second", 90.0, promoted=30.0).state == "no alarm"


@pytest.mark.parametrize("name", ["peak_memory_mb", "chain_cost_usd"])
def test_memory_and_cost_are_alarms_from_the_factor_on(name: str) -> None:
    assert figure(name, 150.0, promoted=100.0).state == "alarm"
    assert figure(name, 149.0, promoted=100.0).state == "no alarm"


def test_the_promoted_model_comes_before_the_window() -> None:
    found = figure("latency_p50_seconds", 1.0, promoted=1.0, before=[0.1, 0.1])
    assert (found.state, found.baseline, found.baseline_from) == ("no alarm", 1.0, "promoted")


def test_without_a_promoted_model_the_baseline_is_the_median_of_the_window() -> None:
    found = figure("latency_p50_seconds", 1.0, before=[0.9, 50.0, 1.1])
    assert (found.baseline, found.baseline_from, found.series) == (1.1, "window", [0.9, 50.0, 1.1])


def test_what_cost_nothing_and_now_costs_something_is_an_alarm() -> None:
    assert figure("chain_cost_usd", 0.01, promoted=0.0).state == "alarm"
    assert figure("chain_cost_usd", 0.0, promoted=0.0).state == "no alarm"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -1.0])
@pytest.mark.parametrize("name", RESOURCES)
def test_a_figure_that_is_none_is_not_measured_and_never_an_alarm(name: str, value: float | None) -> None:
    found = figure(name, value, promoted=1.0, before=[1.0])
    assert (found.state, found.value) == ("not measured", None)
    assert "not measured" in found.sentence


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_quality_that_is_none_is_not_measured_either(value: float) -> None:
    assert figure("pass_rate", value, before=[0.5]).state == "not measured"


@pytest.mark.parametrize("promoted", [math.nan, math.inf, -1.0])
def test_a_baseline_that_is_none_gives_way_to_the_window(promoted: float) -> None:
    assert figure("latency_p50_seconds", 1.0, promoted=promoted, before=[1.0]).baseline_from == "window"


def test_the_first_evaluation_has_nothing_to_be_compared_with() -> None:
    found = figure("latency_p50_seconds", 1.0)
    assert (found.state, found.baseline, found.baseline_from) == ("no alarm", None, "")


def test_a_pass_rate_that_falls_is_an_alarm_and_one_that_rises_is_not() -> None:
    assert figure("pass_rate", 0.4, before=[0.6, 0.62, 0.58]).state == "alarm"
    assert figure("pass_rate", 0.8, before=[0.6, 0.62, 0.58]).state == "no alarm"


def test_a_violation_rate_that_rises_is_an_alarm_and_one_that_falls_is_not() -> None:
    assert figure("hard_violation_rate", 0.3, before=[0.1, 0.12]).state == "alarm"
    assert figure("hard_violation_rate", 0.01, before=[0.1, 0.12]).state == "no alarm"


def test_a_fall_that_few_scenarios_cannot_show_is_no_alarm() -> None:
    assert figure("pass_rate", 0.4, before=[0.6, 0.6], n=10).state == "no alarm"


def test_the_window_is_the_last_evaluations_before_by_place_and_not_by_time() -> None:
    history = [entry(seq).model_copy(update={"at": f"20{40 - seq}-01-01"}) for seq in (5, 1, 4, 2, 3, 6)]
    assert [e.seq for e in window_of(history, "e5", "smoke", 3)] == [2, 3, 4]


def test_the_window_has_only_evaluations_of_the_same_preset() -> None:
    history = [entry(1), entry(2).model_copy(update={"preset": "full"}), entry(3).model_copy(update={"asset": "other"})]
    assert [e.seq for e in window_of(history, "new", "smoke", 8)] == [1]


def test_the_promoted_models_figures_are_those_of_the_report_that_it_rests_on() -> None:
    registered = Entry.model_validate(
        entry(3).model_dump() | {"asset": "registered_model", "data_version": "m1", "inputs": {"eval_report": "e1"}}
    )
    history = [entry(1, chain_cost_usd=2.0), entry(2, chain_cost_usd=9.0), registered]
    assert promoted_figures(history, "m1") == {"chain_cost_usd": 2.0}
    assert promoted_figures(history, "gone") == {}
