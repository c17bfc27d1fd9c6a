"""`srl-pipeline run`: refuses before it starts, tells what it does, keeps what is finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner, Result

from srl_pipeline.cli import run as command
from srl_pipeline.cli.app import app
from srl_pipeline.cli.instance import SETTINGS, open_instance, prepare_dagster_home
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.errors import PipelineError, TeacherError
from srl_pipeline.launchers import dead_runs
from srl_pipeline.launchers.dead_runs import PROCESS, end_dead_runs, this_process
from srl_pipeline_tests.defs.conftest import MODEL, FakeDomain


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")  # set, so that monkeypatch takes away what the command puts there


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders of the reports that were printed."""
    folders: list[Path] = []
    monkeypatch.setattr("srl_pipeline.cli.report.print_report", folders.append)
    return folders


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def as_json(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no_such_type"], "There is no model type 'no_such_type'"),
        ([MODEL, "--preset", "huge"], "There is no preset 'huge'"),
        ([MODEL, "--set", "srl.stepz=3"], "There is no setting 'srl.stepz'"),
        ([MODEL, "--set", "srl.steps=-1"], "srl.steps"),
        ([MODEL, "--set", "srl.steps"], "is no setting"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_made(arguments: list[str], told: str, tmp_path: Path) -> None:
    result = invoke(*arguments)
    assert isinstance(result.exception, PipelineError)
    assert told in str(result.exception)
    assert not (tmp_path / "home").exists()


def test_settings_are_what_they_look_like() -> None:
    given = ["srl.steps=3", "srl.autojunk=true", "student.name=a=b", "evaluation.stages=[base, srl]"]
    assert command.parse_settings(given) == {
        "srl.steps": 3,
        "srl.autojunk": True,
        "student.name": "a=b",
        "evaluation.stages": ["base", "srl"],
    }


def test_a_run_makes_everything_and_shows_the_report(domain: FakeDomain, shown: list[Path]) -> None:
    result = invoke(MODEL, "--preset", "smoke")
    assert result.exit_code == 0
    assert all(name in result.output for name in INPUTS)
    assert "unchanged" not in result.output
    assert [folder.parent.parent.name for folder in shown] == ["eval_report"]


@pytest.mark.chain
def test_a_second_run_says_that_nothing_was_recomputed(domain: FakeDomain, shown: list[Path]) -> None:
    invoke(MODEL, "--preset", "smoke")
    made = list(domain.made)
    result = invoke(MODEL, "--preset", "smoke")
    assert "13 of 14 assets unchanged, nothing recomputed" in result.output
    assert domain.made == made


@pytest.mark.chain
def test_json_is_all_that_is_on_standard_output(domain: FakeDomain) -> None:
    told = as_json(invoke(MODEL, "--preset", "smoke", "--json"))
    assert told["success"] is True
    assert set(told["assets"]) == set(INPUTS)
    assert told["assets"]["srl_checkpoint"]["metrics"]["pass_rate"] == 0.25


def test_a_failure_is_the_error_as_written_and_exit_1(domain: FakeDomain, shown: list[Path]) -> None:
    domain.raises = {"trajectories": TeacherError("The teacher is down.", where="network", mend="Try again.")}
    result = invoke(MODEL, "--preset", "smoke")
    assert result.exit_code == 1
    assert f"error: trajectories[{MODEL}]: The teacher is down.\n  where: network\n  mend:  Try again." in result.stderr
    assert "Traceback" not in result.output + result.stderr
    assert shown == []


@pytest.mark.chain
def test_after_a_failure_a_rerun_goes_on(domain: FakeDomain, shown: list[Path]) -> None:
    domain.raises = {"srl_checkpoint": TeacherError("Killed.", where="here", mend="Again.")}
    invoke(MODEL, "--preset", "smoke")
    domain.raises = {}
    assert "5 of 14 assets unchanged, nothing recomputed" in invoke(MODEL, "--preset", "smoke").output


@pytest.mark.chain
def test_a_failed_gate_is_named(domain: FakeDomain) -> None:
    domain.failing_gates = {"verified_rewards": "reward_variance"}
    result = invoke(MODEL, "--preset", "smoke", "--json")
    assert result.exit_code == 1
    assert "failed its gate: reward_variance" in result.stderr
    assert as_json(result)["assets"]["verified_rewards"]["state"] == "failed"


def test_a_defect_is_told_in_one_line(domain: FakeDomain) -> None:
    domain.raises = {"rule_set": KeyError("odd")}
    result = invoke(MODEL, "--preset", "smoke")
    assert f"error: rule_set[{MODEL}]: KeyError: 'odd'" in result.stderr
    assert "Dagster run" in result.stderr


def test_history_lies_below_home_with_the_repositorys_settings(tmp_path: Path) -> None:
    folder = prepare_dagster_home()
    assert folder == tmp_path / "home" / "dagster"
    assert (folder / "dagster.yaml").read_text() == SETTINGS.read_text()


def test_a_relative_dagster_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "somewhere")
    with pytest.raises(PipelineError, match="not absolute"):
        prepare_dagster_home()


def test_the_run_of_a_killed_process_is_ended_and_its_pool_slot_is_free() -> None:
    print_it = "from srl_pipeline.launchers.dead_runs import this_process; print(this_process())"
    dead = subprocess.check_output([sys.executable, "-c", print_it], text=True).strip()
    with open_instance(prepare_dagster_home()) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("training", 1)
        runs = {process: _started_run(instance, process) for process in (dead, this_process())}
        assert storage.claim_concurrency_slot("training", runs[dead], "srl_checkpoint").is_claimed
        assert end_dead_runs(instance) == [runs[dead]]
        assert storage.get_concurrency_info("training").active_slot_count == 0
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {runs[dead]: dg.DagsterRunStatus.FAILURE, runs[this_process()]: dg.DagsterRunStatus.STARTED}


def _started_run(instance: dg.DagsterInstance, process: str) -> str:
    @dg.job
    def empty() -> None: ...

    tags = {PROCESS: process}
    return instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags).run_id


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    _, _, process = this_process().partition("/")
    assert dead_runs._is_alive(process)
    assert not dead_runs._is_alive(f"{os.getpid()}-1")
