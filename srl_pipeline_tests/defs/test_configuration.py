"""A run keeps its configuration once: whichever of its steps comes first."""

from __future__ import annotations

from contextlib import closing

import pytest

from srl_pipeline.registry import DECISIONS, Decision, SqliteDecisions, actor
from srl_pipeline_tests.defs.conftest import MODEL, Runner

ASSETS = ["lore_index", "teacher_model", "rule_set"]


def configurations(runner: Runner) -> list[Decision]:
    with closing(SqliteDecisions(runner.home / DECISIONS)) as decisions:
        return decisions.decisions(MODEL, kind="configuration")


def test_the_steps_of_a_run_keep_one_configuration_and_the_next_run_none(runner: Runner) -> None:
    assert runner.run(ASSETS).success and runner.run(ASSETS).success
    assert [made.actor for made in configurations(runner)] == [actor()]


@pytest.mark.parametrize("cap", [20, 0])
def test_a_run_with_another_cap_keeps_that(runner: Runner, monkeypatch: pytest.MonkeyPatch, cap: int) -> None:
    assert runner.run(ASSETS).success
    monkeypatch.setenv("SRL_SETTINGS", f"{{budget.month_usd: {cap}, budget.run_usd: 3}}")
    assert runner.run(ASSETS).success
    assert configurations(runner)[0].reasons[0] == "Changed since the last run: settings: budget."
