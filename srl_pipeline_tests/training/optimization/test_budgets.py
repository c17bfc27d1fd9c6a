"""Budgets end a stage; what interrupted attempts took counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.config import override
from srl_pipeline.errors import PipelineError
from srl_pipeline.presets import preset
from srl_pipeline.training.optimization.budgets import Clock, MoneyBudget, TimeBudget, cost_of
from srl_pipeline.training.optimization.watch import Circumstances, observers_of
from srl_pipeline.training.rollouts.coverage import Origin

from ..stage import run_stage
from ..world import policy_config

NO_VIEW: Any = None
HALF_AN_HOUR = 1800.0


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that it is, in seconds; the item is the clock."""
    clock = [1000.0]
    monkeypatch.setattr("srl_pipeline.training.optimization.budgets.time.monotonic", lambda: clock[0])
    return clock


def test_the_machine_costs_its_price_an_hour() -> None:
    assert cost_of(HALF_AN_HOUR, 2.5) == 1.25
    assert cost_of(HALF_AN_HOUR, 0.0) == 0.0


@pytest.mark.parametrize(("seconds", "spent"), [(0.0, False), (1799.0, False), (1800.0, True), (5000.0, True)])
def test_money_is_spent_when_the_machine_has_cost_as_much(now: list[float], seconds: float, spent: bool) -> None:
    budget = MoneyBudget(1.25, usd_per_hour=2.5)
    now[0] += seconds
    assert bool(budget.stop(1)) is spent


def test_what_was_spent_before_the_stage_counts_and_the_reason_names_both_sums(now: list[float]) -> None:
    budget = MoneyBudget(1.25, usd_per_hour=2.5, before=1.0)
    now[0] += HALF_AN_HOUR
    assert budget.stop(1) == "the money budget of 1.25 USD is spent (2.25 USD)"


@pytest.mark.parametrize("kind", [Clock, lambda: TimeBudget(9.0), lambda: MoneyBudget(1.0, 1.0)])
def test_seconds_of_an_interrupted_attempt_count(now: list[float], kind: Any) -> None:
    first = kind()
    now[0] += 40
    second = kind()
    second.resumed(NO_VIEW, json.loads(json.dumps(first.state())))
    now[0] += 2
    assert (second.seconds, second.earlier) == (42.0, 40.0)


def test_a_money_budget_without_a_price_is_refused() -> None:
    with pytest.raises(PipelineError, match="set usd_per_hour"):
        override(preset("smoke"), {"rlvr.cost_budget_usd": 3.0})
    assert override(preset("smoke"), {"rlvr.cost_budget_usd": 3.0, "usd_per_hour": 1.0}).usd_per_hour == 1.0


def test_a_stage_ends_when_its_money_is_spent_and_keeps_what_is_done(student_folder: Path, tmp_path: Path) -> None:
    config = policy_config(cost_budget_usd=1e-9)
    observers = observers_of(config, Circumstances(Origin(8, 6), {}, usd_per_hour=3600.0))
    outcome = run_stage(student_folder, tmp_path, observers=observers, cost_budget_usd=1e-9)
    assert len(outcome.rows) == 1 and "money budget" in outcome.note and outcome.metrics["validation_step"] == 1
