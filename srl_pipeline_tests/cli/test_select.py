"""``srl-pipeline select``: a table of alternatives and the decision in sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.select import app


@pytest.fixture
def installed(tmp_path: Path, scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teachers = "version: 1\nteachers:\n  search: {kind: search}\nresponsibilities: {default: search}\n"
    (tmp_path / "teachers.yaml").write_text(teachers, encoding="utf-8")
    monkeypatch.setenv("SRL_TEACHERS", str(tmp_path / "teachers.yaml"))
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SRL_SETTINGS", raising=False)


def run(*words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--preset", "smoke", "--set", "selection.tasks=2"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("installed")
def test_without_candidates_the_command_says_that_there_is_nothing_to_choose() -> None:
    told = run("teacher", "lanterns")
    assert "No change, because selection.candidates names fewer than two" in told
    assert "Nothing was recorded." in told


@pytest.mark.usefixtures("installed")
def test_a_dry_run_shows_all_alternatives_and_records_nothing() -> None:
    words = ("teacher", "lanterns", "--set", "selection.candidates=[search, absent]")
    told = run(*words, "--dry-run")
    assert "The teacher of lanterns" in told
    assert "absent: teachers.yaml lists no teacher 'absent'." in told
    assert "Dry run: nothing was recorded." in told
    assert "Recorded as decision 1." in run(*words)
    assert "No check is due; this is decision 1" in run(*words)


@pytest.mark.usefixtures("installed")
def test_json_holds_the_whole_decision() -> None:
    found = json.loads(run("student", "lanterns", "--set", "selection.students=[tiny, other]", "--json"))
    assert found["decision"]["kind"] == "student"
    assert found["decision"]["verdict"] == "no change"
    assert [a["name"] for a in found["decision"]["alternatives"]] == ["tiny", "other"]
