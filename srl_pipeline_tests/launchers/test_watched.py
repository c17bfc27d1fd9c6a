"""Dagster's run monitoring finds a run whose process is gone, and leaves one that lives or that nobody can tell of."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from srl_pipeline.launchers import dead_runs
from srl_pipeline.launchers.dead_runs import PROCESS, this_process
from srl_pipeline.launchers.watched import WatchedRunLauncher

SETTINGS = Path(__file__).resolve().parents[2] / "dagster.yaml"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text(SETTINGS.read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def begin(instance: dg.DagsterInstance, pid: int, host: str = "localhost") -> dg.DagsterRun:
    """A run that said that it has this process, as Dagster's run worker says it."""

    @dg.job
    def empty() -> None: ...

    tags = {GRPC_INFO_TAG: json.dumps({"host": host, "socket": "/tmp/none"})}
    run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags)
    if pid:
        instance.report_engine_event(f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid))
    return run


def monitor(instance: dg.DagsterInstance) -> None:
    """One look of the daemon's run monitoring."""
    context = cast("Any", SimpleNamespace(instance=instance, create_request_context=lambda: None))
    errors = [error for error in execute_run_monitoring_iteration(context, logging.getLogger()) if error]
    assert not errors


def found(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    again = instance.get_run_by_id(run.run_id)
    assert again is not None
    return again


def ended_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_repositorys_settings_name_it(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)


def test_a_run_without_its_process_is_failed_with_the_reason(instance: dg.DagsterInstance) -> None:
    run = begin(instance, ended_process())
    monitor(instance)
    assert found(instance, run).status == dg.DagsterRunStatus.FAILURE
    (told,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.PIPELINE_FAILURE)
    assert "The process of this run is gone" in told.message and "saved work are kept" in told.message


def test_a_process_that_ended_and_that_nobody_asked_after_is_gone(instance: dg.DagsterInstance) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    run = begin(instance, child.pid)
    end = time.monotonic() + 20
    while dead_runs._started(child.pid) and time.monotonic() < end:
        time.sleep(0.05)  # a zombie from then on
    monitor(instance)
    child.wait()
    assert found(instance, run).status == dg.DagsterRunStatus.FAILURE


def test_a_run_with_its_process_goes_on_and_keeps_in_mind_which_it_is(instance: dg.DagsterInstance) -> None:
    run = begin(instance, os.getpid())
    monitor(instance)
    assert found(instance, run).status == dg.DagsterRunStatus.STARTED
    assert found(instance, run).tags[PROCESS] == this_process()


def test_a_number_that_is_another_process_by_now_does_not_keep_a_run_alive(instance: dg.DagsterInstance) -> None:
    run = begin(instance, os.getpid())
    instance.add_run_tags(run.run_id, {PROCESS: this_process() + "0"})
    monitor(instance)
    assert found(instance, run).status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(("pid", "host"), [(0, "localhost"), (1, "elsewhere.example")])
def test_a_run_of_which_nobody_can_tell_is_left(instance: dg.DagsterInstance, pid: int, host: str) -> None:
    run = begin(instance, pid and ended_process(), host)
    monitor(instance)
    assert found(instance, run).status == dg.DagsterRunStatus.STARTED
    assert PROCESS not in found(instance, run).tags


def test_a_system_that_does_not_show_its_processes_ends_no_run(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_runs, "PROCESSES", Path("/nowhere"))
    run = begin(instance, ended_process())
    monitor(instance)
    assert found(instance, run).status == dg.DagsterRunStatus.STARTED
