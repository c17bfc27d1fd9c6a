"""The Dagster instance of the command line: the one that `dagster dev` shows, and no ghosts in it."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.artifacts import disk_errors

if TYPE_CHECKING:
    from dagster import DagsterInstance

SETTINGS = Path(__file__).resolve().parents[2] / "dagster.yaml"
PROCESS = "srl/process"
"""Run tag: host, process id and start time of the process that runs it."""


def prepare_dagster_home() -> Path:
    """``DAGSTER_HOME``, else ``<home>/dagster``, made with the repository's dagster.yaml when it is new."""
    folder = Path(os.environ.get("DAGSTER_HOME") or home() / "dagster")
    if not folder.is_absolute():
        raise PipelineError(
            f"DAGSTER_HOME is {str(folder)!r}, which is not absolute.",
            where="environment variable DAGSTER_HOME",
            mend="Give an absolute path, or unset it.",
        )
    settings = folder / "dagster.yaml"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not settings.exists() and SETTINGS.exists():
            shutil.copyfile(SETTINGS, settings)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def open_instance(folder: Path) -> DagsterInstance:
    """The instance in ``folder``, without the capture of standard output, which would take the terminal from us."""
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    capture = {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
        "config": {},
    }
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides={"compute_logs": capture}))


def end_dead_runs(instance: DagsterInstance) -> list[str]:
    """Mark runs of command lines that were killed as failed and free their pool slots; returns their ids.

    Nobody else would: Dagster watches only the runs that it launched, and a slot held by a dead run blocks every
    training after it.
    """
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING])
    ended: list[str] = []
    for run in instance.get_runs(unfinished):
        host, _, process = run.tags.get(PROCESS, "").partition("/")
        if process and host == socket.gethostname() and not _is_alive(process):
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
