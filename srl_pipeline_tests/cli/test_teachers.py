"""``srl-pipeline teachers``: what there is, and whether it can be used; no key is shown and nothing is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from srl_pipeline.cli.app import app
from srl_pipeline.clock import now_iso
from srl_pipeline.errors import BudgetError, TeacherError
from srl_pipeline.registry import DECISIONS, SqliteDecisions
from srl_pipeline.teachers import teacher_ref
from srl_pipeline_tests.registry.test_decisions import decision
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed

TODAY = now_iso()[:10]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["teachers", *arguments])


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TEACHER_KEY", "opaque-value-1")


def test_list_tells_what_a_teacher_is_and_costs_but_never_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(entry(day=TODAY), buildings="hosted"), monkeypatch)
    shown, told = run("list"), run("list", "--json")
    assert (shown.exit_code, told.exit_code) == (0, 0)
    [hosted, search] = json.loads(told.output)
    assert hosted["version"] == teacher_ref("hosted").version
    assert (hosted["model"], hosted["responsible_for"]) == ("m-1", ["buildings"])
    assert hosted["price"] == {"input": 1, "output": 2, "cached_input": None, "batch_factor": 0.5, "as_of": TODAY}
    assert hosted["key"] == {"variable": "TEST_TEACHER_KEY", "set": True}
    assert (search["name"], search["responsible_for"], search["key"]) == ("search", ["default"], None)
    for word in ("hosted", "m-1", "buildings", "training allowed"):
        assert word in shown.output.replace("\n", " ") or word == "training allowed"
    assert "opaque-value-1" not in shown.output + told.output


def test_check_of_a_file_that_can_be_used_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = listed(tmp_path, file_of(entry(day=TODAY), buildings="hosted"), monkeypatch)
    assert run("check").exit_code == 0
    assert json.loads(run("check", "--json").output) == {"file": str(file), "problems": [], "warnings": []}


def test_check_tells_everything_that_stands_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_TEACHER_KEY")
    text = file_of(entry(day="2020-01-01", allowed="false"), buildings="hosted", castles="search")
    listed(tmp_path, text, monkeypatch)
    result = run("check", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    [stranger, variable, terms] = told["problems"]
    assert "no model type 'castles'" in stranger
    assert "TEST_TEACHER_KEY is not set" in variable
    assert "do not allow training" in terms
    assert len([w for w in told["warnings"] if "look it up again" in w]) == 2


def test_a_teacher_that_nobody_uses_is_only_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_TEACHER_KEY")
    listed(tmp_path, file_of(entry(day=TODAY)), monkeypatch)
    assert run("check").exit_code == 0
    assert "warning: hosted: the environment variable TEST_TEACHER_KEY is not set" in run("check").output
    assert run("check", "hosted").exit_code == 1


def test_check_of_a_file_that_cannot_be_read_tells_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(entry()).replace("kind: openai", "kind: oracle"), monkeypatch)
    error = run("check").exception
    assert isinstance(error, TeacherError)
    assert error.where.endswith("teachers.yaml:5")


def test_check_of_an_unknown_teacher_names_the_known_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(tmp_path, file_of(), monkeypatch)
    error = run("check", "nobody").exception
    assert isinstance(error, TeacherError)
    assert "search" in error.mend


def decided(home: Path, model_type: str, teacher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_HOME", str(home))
    decisions = SqliteDecisions(home / DECISIONS)
    told = decision(model_type=model_type, kind="teacher", after=teacher)
    decisions.record(told, settings={"generation.teacher": teacher})
    decisions.close()


@pytest.mark.usefixtures("scaffold_folder")
def test_check_tells_of_a_decided_teacher_that_is_not_listed_and_how_to_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(entry(day=TODAY)), monkeypatch)
    decided(tmp_path / "home", "lanterns", "gone", monkeypatch)
    result = run("check", "--json")
    [problem] = json.loads(result.output)["problems"]
    assert result.exit_code == 1
    assert problem.startswith("lanterns: there is no teacher 'gone'. Decision 1 of 2026-11-28 set generation.teacher")
    assert "--clear generation.teacher" in problem


@pytest.mark.usefixtures("scaffold_folder")
def test_a_teacher_that_a_decision_chose_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_TEACHER_KEY")
    listed(tmp_path, file_of(entry(day=TODAY)), monkeypatch)
    decided(tmp_path / "home", "lanterns", "hosted", monkeypatch)
    assert run("check").exit_code == 1
    assert [row["decided_for"] for row in json.loads(run("list", "--json").output)] == [["lanterns"], []]


@pytest.mark.slow
@pytest.mark.usefixtures("scaffold_folder")
def test_teach_asks_the_teacher_of_the_type_and_pays_nothing_without_a_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    listed(tmp_path, file_of(entry(day=TODAY), lanterns="hosted"), monkeypatch)
    assert isinstance(CliRunner().invoke(app, ["teach", "lanterns", "--n", "1"]).exception, BudgetError)
    embedded = CliRunner().invoke(
        app, ["teach", "lanterns", "--n", "1", "--json", "--set", "generation.teacher=search"]
    )
    assert json.loads(embedded.output)[0]["verdict"]["correct"]
