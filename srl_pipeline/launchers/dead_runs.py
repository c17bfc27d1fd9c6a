"""Runs of Dagster whose process died, however it died. Which runs are really under way."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

RUN_KEY = "dagster/run_key"
LATEST = 5
"""Failed runs that are looked at."""
LOCAL = ("localhost", "127.0.0.1")
"""Hosts of code servers whose processes are this machine's."""
PROCESSES = Path("/proc/self/stat")
"""Linux shows its processes there; elsewhere nobody can tell."""
PROCESS = "srl/process"
"""Run tag: host, process id and start time of the process that runs it."""


def is_dead(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the process of this machine that ran it is gone; False where nobody can tell."""
    host, _, process = run.tags.get(PROCESS, "").partition("/")
    if not PROCESSES.exists():
        return False
    if process:
        return host == socket.gethostname() and not _is_alive(process)
    pid = _told_pid(instance, run)
    return bool(pid) and not _started(pid)


def process_of(instance: DagsterInstance, run: DagsterRun) -> str:
    """The value of the tag `PROCESS` for a run that this machine's code server started; empty where nobody can tell."""
    pid = _told_pid(instance, run)
    return _named(pid) if pid and _started(pid) else ""


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
    return any(
        not is_dead(instance, run) for run in instance.get_runs(RunsFilter(tags={tag: value}, statuses=unfinished))
    )


def failed_keys(instance: DagsterInstance, tag: str, value: str) -> frozenset[str]:
    """Run keys of the latest failed runs with this tag: of those that a sensor asked for."""
    from dagster import DagsterRunStatus, RunsFilter

    failed = instance.get_runs(RunsFilter(tags={tag: value}, statuses=[DagsterRunStatus.FAILURE]), limit=LATEST)
    return frozenset(run.tags[RUN_KEY] for run in failed if RUN_KEY in run.tags)


def end_dead_runs(instance: DagsterInstance) -> list[str]:
    """Mark runs whose process was killed as failed and free their pool slots; returns their ids.

    For commands, which have no daemon: a slot held by a dead run blocks every training after it. Where there is a
    daemon, `WatchedRunLauncher` answers its run monitoring.
    """
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING])
    ended: list[str] = []
    for run in instance.get_runs(unfinished):
        if is_dead(instance, run):
            instance.report_run_failed(run, "The process of this run was killed; finished assets are kept.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def this_process() -> str:
    """The value of the tag `PROCESS` for this process."""
    return _named(os.getpid())


def _named(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}-{_started(pid)}"


def _told_pid(instance: DagsterInstance, run: DagsterRun) -> int:
    """The process that a run said it has when it began; 0 before that, and where it is not one of this machine's."""
    from dagster import DagsterEventType
    from dagster._core.storage.tags import GRPC_INFO_TAG

    if json.loads(run.tags.get(GRPC_INFO_TAG, "{}")).get("host") not in LOCAL:
        return 0
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        if event and (event.message or "").startswith("Started process for run"):
            return int(str(event.engine_event_data.metadata["pid"].value))
    return 0


def _is_alive(process: str) -> bool:
    pid, _, started = process.partition("-")
    return pid.isdigit() and bool(started) and _started(int(pid)) == started


def _started(pid: int) -> str:
    """Clock ticks between boot and the start of a process: ids are used again, pairs are not. Empty for a process that
    is gone or ended, and without /proc."""
    try:
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return "" if state == "Z" else numbers[18]
    except (OSError, IndexError):
        return ""
