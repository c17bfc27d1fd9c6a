"""``srl-pipeline settings``: what was decided, by which decision, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from srl_pipeline.cli.settings import settings
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import DECISIONS, Decision, SqliteDecisions, decided_settings

app = typer.Typer()
app.command()(settings)


@pytest.fixture
def home(tmp_path: Path, scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that decided on a teacher for lanterns."""
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    told = Decision(
        at="2026-12-05T08:00:00+00:00",
        model_type="lanterns",
        kind="teacher",
        verdict="change",
        subject="large",
        before="search",
        after="large",
        reasons=["large solves more.", "Why now: it was never checked."],
    )
    decisions = SqliteDecisions(tmp_path / "home" / DECISIONS)
    decisions.record(told, settings={"generation.teacher": "large"})
    decisions.close()
    return tmp_path / "home"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["lanterns", *words])


def output(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.exception
    return done.output


@pytest.mark.usefixtures("home")
def test_each_setting_is_shown_with_the_decision_that_made_it() -> None:
    told = output()
    for word in ("generation.teacher", "large", "1", "2026-12-05", "large solves more."):
        assert word in told
    assert json.loads(output("--json")) == [
        {
            "name": "generation.teacher",
            "value": "large",
            "decision": 1,
            "kind": "teacher",
            "at": "2026-12-05T08:00:00+00:00",
            "reason": "large solves more.",
        }
    ]


def test_a_setting_is_taken_back_with_a_reason(home: Path) -> None:
    told = output("--clear", "generation.teacher", "--reason", "The contract ended.")
    assert "Decision 2: generation.teacher is not decided" in told
    assert "The contract ended." in told
    assert "selection.candidates" in told
    assert decided_settings(home, "lanterns") == {}
    assert "No decision set anything for lanterns." in output()


@pytest.mark.usefixtures("home")
def test_json_of_a_clearing_is_its_decision() -> None:
    made: dict[str, Any] = json.loads(output("--clear", "generation.teacher", "--reason", "Old.", "--json"))
    assert (made["id"], made["kind"], made["evidence"]["cleared"]) == (2, "teacher", "generation.teacher")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--clear", "student.name", "--reason", "Old."), "No decision made a setting 'student.name'"),
        (("--clear", "generation.teacher"), "without a reason"),
        (("--reason", "Old."), "no setting"),
    ],
)
def test_what_cannot_be_taken_back_is_an_error_and_changes_nothing(
    home: Path, words: tuple[str, ...], what: str
) -> None:
    error = run(*words).exception
    assert isinstance(error, PipelineError)
    assert what in error.what
    assert decided_settings(home, "lanterns") == {"generation.teacher": "large"}
