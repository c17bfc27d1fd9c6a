"""A month of operation: every event has the right consequence, and one decision that says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.registry import DECISIONS, ArtifactStore, SqliteDecisions
from srl_pipeline_tests.operation.workshop import PACK

pytestmark = [pytest.mark.chain, pytest.mark.timeout(1500)]
ROOT = Path(__file__).parents[2]


class Lived:
    """What the month left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        events: list[dict[str, Any]] = json.loads((folder / "month.json").read_text())
        self.events = {event["name"]: event for event in events}
        self.before = dict(zip(self.events, [{}, *(event["aliases"] for event in events)], strict=False))

    def decided(self, event: str) -> list[tuple[str, str]]:
        """Kind and verdict of what was decided, in order."""
        return [(d["kind"], d["verdict"]) for d in self.answers(event)]

    def answers(self, event: str) -> list[dict[str, Any]]:
        """The decisions without those that only keep what a run was configured by."""
        return [d for d in self.events[event]["decisions"] if d["kind"] != "configuration"]

    def decision(self, event: str, kind: str) -> dict[str, Any]:
        """The one decision of a kind."""
        [found] = [d for d in self.events[event]["decisions"] if d["kind"] == kind]
        return found

    def runs(self, event: str) -> list[tuple[str, str]]:
        """What started each run, and its job."""
        return [(run["trigger"], run["job"]) for run in self.events[event]["runs"]]

    def aliases(self, event: str) -> dict[str, str]:
        return self.events[event]["aliases"]

    def solved(self, event: str) -> tuple[float, float]:
        """The share that the candidate, and what it was compared with, solved when it was decided."""
        figures = [a["figures"] for a in self.decision(event, "promotion")["alternatives"]]
        return figures[0]["pass_rate"], figures[1]["pass_rate"]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("month")
    (folder / "dagster").mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SRL_", "DAGSTER_", "COV_", "PYTEST_"))}
    lived = subprocess.run(
        [sys.executable, "-m", "srl_pipeline_tests.operation.month", str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1400,
    )
    assert lived.returncode == 0, lived.stderr[-4000:]
    return Lived(folder)


def test_every_run_ends_well(month: Lived) -> None:
    assert [run for event in month.events.values() for run in event["runs"] if run["failed"]] == []


def test_the_first_model_becomes_current(month: Lived) -> None:
    event = "a model type is begun"
    assert month.decided(event) == [("promotion", "change")]
    assert month.aliases(event) == {"current": month.decision(event, "promotion")["subject"]}


def test_a_quiet_day_starts_and_decides_nothing(month: Lived) -> None:
    assert (month.runs("nothing"), month.decided("nothing")) == ([], [])


def test_changed_rules_bring_a_model_that_obeys_them_and_the_old_one_is_judged_by_them(month: Lived) -> None:
    event = "the rules change"
    assert month.runs(event) == [("rules", "regenerate")]
    assert month.decided(event) == [("retraining", "change"), ("promotion", "change")]
    candidate, old = month.solved(event)
    assert candidate > 0.5 > old  # the old model was right by the old law only
    assert month.aliases(event)["previous"] == month.before[event]["current"]


def test_a_better_teacher_takes_over_and_only_what_rests_on_it_is_made_again(month: Lived) -> None:
    event = "a better teacher appears"
    assert month.runs(event) == [("selection", "select"), ("teacher", "regenerate")]
    assert [kind for kind, _ in month.decided(event)] == ["teacher", "retraining", "promotion"]
    chosen = month.decision(event, "teacher")
    assert (chosen["before"], chosen["after"]) == ("apprentice", "master")
    assert month.events[event]["runs"][1]["assets"][0] == "teacher_model"
    assert "lore_index" not in month.events[event]["runs"][1]["assets"]


def test_the_model_of_a_better_teacher_is_promoted_only_where_it_is_measurably_better(month: Lived) -> None:
    event = "a better teacher appears"
    decision = month.decision(event, "promotion")
    [quality] = [gate for gate in decision["evidence"]["gates"] if gate["name"] == "better_or_cheaper"]
    assert quality["passed"] == (decision["verdict"] == "change")
    kept = month.before[event]["current"]
    assert month.aliases(event)["current"] == (decision["subject"] if quality["passed"] else kept)


def test_a_worse_teacher_is_measured_and_refused(month: Lived) -> None:
    event = "a worse teacher appears"
    assert month.runs(event) == [("selection", "select")]
    assert month.decided(event) == [("teacher", "no change")]
    why = {a["name"]: a["why"] for a in month.decision(event, "teacher")["alternatives"]}
    assert set(why) == {"apprentice", "master", "novice"}
    assert "selection.min_pass_rate" in why["novice"]


def test_a_price_beyond_the_constraint_brings_the_earlier_teacher_back(month: Lived) -> None:
    event = "the price rises"
    decision = month.decision(event, "teacher")
    assert (decision["before"], decision["after"]) == ("master", "apprentice")
    assert "selection.max_usd_per_accepted" in decision["reasons"][0]
    assert month.runs(event) == [("selection", "select"), ("teacher", "regenerate")]
    assert month.aliases(event)["current"] == month.before[event]["current"]


def test_nobody_is_asked_again_for_a_change_of_price(month: Lived) -> None:
    log = (month.folder / "master.jsonl").read_text().splitlines()
    tasks, scenarios, steps = 10, 20, 4
    assert len(log) <= (tasks + scenarios) * steps


def test_a_planted_regression_is_refused_with_what_it_forgot(month: Lived) -> None:
    event = "a regression is planted"
    assert month.decided(event) == [("promotion", "no change")]
    candidate, current = month.solved(event)
    assert candidate < current
    assert any("It forgot" in reason for reason in month.decision(event, "promotion")["reasons"])
    assert month.aliases(event)["current"] == month.before[event]["current"]


def test_with_a_lost_current_model_nothing_is_promoted_and_nothing_crashes(month: Lived) -> None:
    event = "the disk loses the current model"
    assert month.decided(event) == [("promotion", "no change")]
    assert "adapter_model.safetensors is missing" in month.decision(event, "promotion")["reasons"][0]
    assert month.aliases(event)["current"] == month.before[event]["current"]


def test_going_back_is_one_decision(month: Lived) -> None:
    event = "a person goes back"
    assert month.decided(event) == [("rollback", "change")]
    assert month.aliases(event)["current"] == month.before[event]["previous"]


def test_the_model_that_was_gone_back_to_is_judged_by_the_rules_of_now(month: Lived) -> None:
    event = "the candidate is asked again"
    assert month.decided(event) == [("promotion", "change")]
    candidate, old = month.solved(event)
    assert candidate > 0.5 > old


def test_a_clock_that_goes_back_changes_nothing_and_is_told(month: Lived) -> None:
    event = "the clock goes back"
    assert month.decided(event) == [("promotion", "no change"), ("teacher", "no change")]
    assert all("clock went back" in d["reasons"][0] for d in month.answers(event))
    assert month.aliases(event)["current"] == month.before[event]["current"]


def test_a_run_keeps_what_it_was_configured_by_and_who_ran_it(month: Lived) -> None:
    first = month.decision("a model type is begun", "configuration")
    assert first["actor"] and first["reasons"][0] == "The first configuration that a run saw."
    made = [d for event in month.events.values() for d in event["decisions"] if d["kind"] == "configuration"]
    assert all(before["after"] == after["before"] for before, after in pairwise(made))


def test_no_decision_is_made_twice_and_each_has_a_reason(month: Lived) -> None:
    made = [d for event in month.events.values() for d in event["decisions"]]
    assert [d["id"] for d in made] == list(range(1, len(made) + 1))
    assert all(d["reasons"] and d["reasons"][0].strip() for d in made)
    questions = [json.dumps(d["evidence"]["question"]) for d in made if "question" in d["evidence"]]
    assert len(set(questions)) == len(questions)


def test_the_model_that_is_current_in_the_end_is_explained_in_ten_lines(month: Lived) -> None:
    from srl_pipeline.promotion import explain

    home = month.folder / "home"
    decisions = SqliteDecisions(home / DECISIONS)
    try:
        lines = explain(decisions, ArtifactStore(home / "artifacts"), PACK)
        current = decisions.aliases(PACK)["current"]
    finally:
        decisions.close()
    assert len(lines) <= 10
    assert current in lines[0]
