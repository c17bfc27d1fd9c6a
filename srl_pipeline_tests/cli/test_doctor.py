"""``srl-pipeline doctor``: a table for people, JSON for machines, an exit status for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.app import app
from srl_pipeline.doctor import CHECKS
from srl_pipeline_tests.doctor.conftest import home
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed

run = CliRunner().invoke
pytestmark = pytest.mark.usefixtures("only_added_packs", "scaffold_folder")
__all__ = ["home"]


def test_every_check_reports_and_a_sound_installation_exits_with_0(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_PRESET", "smoke")  # of which no need of memory is known: any machine will do
    answer = run(app, ["doctor", "--json"])
    told = json.loads(answer.output)
    assert ([line for line in told["findings"] if line["level"] == "problem"], answer.exit_code) == ([], 0)
    assert {line["check"] for line in told["findings"]} == set(CHECKS)
    assert not list(home.iterdir())


def test_a_problem_is_told_with_where_and_mend_and_exits_with_1(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_STATE", "mysql://somewhere")
    answer = run(app, ["doctor"])
    assert answer.exit_code == 1
    for word in ("problem", "where: environment variable SRL_STATE", "mend:  Write dynamodb://", "1 problem"):
        assert word in answer.output


def test_no_key_is_shown_wherever_it_stands(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted, held = "sk-abcdefghijklmnopqrstuv", "opaque-value-1"
    monkeypatch.setenv("TEST_TEACHER_KEY", held)
    monkeypatch.setenv("SRL_SETTINGS", f"{{budget.month_usd: {held}}}")
    listed(home, file_of(entry().replace("TEST_TEACHER_KEY", pasted), lanterns="hosted"), monkeypatch)
    for arguments in (["doctor"], ["doctor", "--json"]):
        answer = run(app, arguments)
        assert answer.exit_code == 1
        assert pasted not in answer.output
        assert held not in answer.output


def test_the_shell_can_complete_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SRL_PIPELINE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "srl-pipeline doc")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run(app, [], prog_name="srl-pipeline").output.split() == ["doctor"]
