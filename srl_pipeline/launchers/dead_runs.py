"""Runs of Dagster that nobody ends: those of command lines that were killed. Which runs are really under way."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

RUN_KEY = "dagster/run_key"
LATEST = 5
"""Failed runs that are looked at."""
PROCESS = "srl/process"
"""Run tag: host, process id and start time of the process that runs it."""


def is_dead(run: DagsterRun) -> bool:
    """Whether the process of this machine that ran it is gone; False where nobody can tell."""
    host, _, process = run.tags.get(PROCESS, "").partition("/")
    return bool(process) and host == socket.gethostname() and not _is_alive(process)


def under_way(instance: DagsterInstance, tag: str, value: str) -> bool:
    """Whether a run with this tag waits or is under way."""
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = [
        DagsterRunStatus.QUEUED,
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.STARTING,
        DagsterRunStatus.STARTED,
        DagsterRunStatus.CANCELING,
    ]
    return any(not is_dead(run) for run in instance.get_runs(RunsFilter(tags={tag: value}, statuses=unfinished)))


def failed_keys(instance: DagsterInstance, tag: str, value: str) -> frozenset[str]:
    """Run keys of the latest failed runs with this tag: of those that a sensor asked for."""
    from dagster import DagsterRunStatus, RunsFilter

    failed = instance.get_runs(RunsFilter(tags={tag: value}, statuses=[DagsterRunStatus.FAILURE]), limit=LATEST)
    return frozenset(run.tags[RUN_KEY] for run in failed if RUN_KEY in run.tags)


def end_dead_runs(instance: DagsterInstance) -> list[str]:
    """Mark runs of command lines that were killed as failed and free their pool slots; returns their ids.

    Nobody else would: Dagster watches only the runs that it launched, and a slot held by a dead run blocks every
    training after it.
    """
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING])
    ended: list[str] = []
    for run in instance.get_runs(unfinished):
        if is_dead(run):
            instance.report_run_failed(run, "The process of this run was killed; finished assets are kept.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def this_process() -> str:
    """The value of the tag `PROCESS` for this process."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}-{_started(pid)}"


def _is_alive(process: str) -> bool:
    pid, _, started = process.partition("-")
    return pid.isdigit() and Path(f"/proc/{pid}").exists() and _started(int(pid)) == started


def _started(pid: int) -> str:
    """Clock ticks between boot and the start of a process: ids are used again, pairs are not. Empty without /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""
