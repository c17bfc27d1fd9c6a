"""A thousand runs in the queue of a real Dagster instance in SQLite, and the real daemon that takes them out.

The daemon is a process of its own with the project's code location and its sensors; the launcher is Dagster's stand-in
that starts no process, and each run that was started is told to have ended. So the rate is the queue's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import yaml
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.dagster_run import RunsFilter

from benchmarks.load_generations import disk_mb, rss_mb
from benchmarks.scale_dagster import LAUNCHER
from srl_pipeline.clock import StopWatch
from srl_pipeline.defs.making import PARTITION

ROOT = Path(__file__).resolve().parents[1]
RUNS_AT_ONCE = 200
"""As `docs/scale.md` advises for 10,000 generations a day."""
LOOK_EVERY = 2.0


@dataclass(frozen=True)
class Drained:
    """What became of the queue.

    Attributes:
        enqueue_ms: To put one run into the queue.
        seconds: From the first run that was taken out of the queue to the last one, or until the patience was over.
        cpu_seconds: Of the daemon's process in that time, its sensors' share included.
        rss_first_mb, rss_peak_mb, rss_last_mb: Resident size of the daemon's process; its code server is another one.
        disk_empty_mb, disk_queued_mb, disk_done_mb: Of `DAGSTER_HOME`: before, with all in the queue, and at the end.
    """

    runs: int
    left: int
    enqueue_ms: float
    seconds: float
    cpu_seconds: float
    rss_first_mb: float
    rss_peak_mb: float
    rss_last_mb: float
    disk_empty_mb: float
    disk_queued_mb: float
    disk_done_mb: float

    @property
    def per_minute(self) -> float:
        """Runs that were taken out of the queue in a minute."""
        return 60 * (self.runs - self.left) / self.seconds if self.seconds else 0.0


def measure_queue(runs: int, patience: float) -> Drained:
    """Put so many runs into the queue and let the daemon work for so many seconds at most."""
    with TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        _write_settings(folder)
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            empty = disk_mb(folder)
            watch = StopWatch()
            _enqueue(instance, runs)
            enqueue_ms, queued = 1000 * watch.seconds / runs, disk_mb(folder)
            sizes = list[float]()
            with _daemon(folder) as pid:
                seconds, cpu, left = _drain(instance, pid, runs, patience, sizes)
            done = disk_mb(folder)
    sizes = sizes or [0.0]
    return Drained(runs, left, enqueue_ms, seconds, cpu, sizes[0], max(sizes), sizes[-1], empty, queued, done)


def _write_settings(folder: Path) -> None:
    """The project's own `dagster.yaml`, but for the launcher and the number of runs at once."""
    settings = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    settings["concurrency"]["runs"]["max_concurrent_runs"] = RUNS_AT_ONCE
    settings["run_launcher"] = LAUNCHER
    settings["run_monitoring"] = {"enabled": False}  # it would ask the stand-in how its runs are
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.copyfile(ROOT / "workspace.yaml", folder / "workspace.yaml")


def _enqueue(instance: dg.DagsterInstance, runs: int) -> None:
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("srl"), "repository"), "regenerate")
    for number in range(runs):
        tags = {PARTITION: f"type_{number:04d}", "srl/trigger": "rules"}
        status = dg.DagsterRunStatus.QUEUED
        instance.add_run(dg.DagsterRun("regenerate", status=status, tags=tags, remote_job_origin=origin))


@contextmanager
def _daemon(folder: Path) -> Iterator[int]:
    environment = {**os.environ, "DAGSTER_HOME": str(folder), "SRL_HOME": str(folder / "srl")}
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-w", str(folder / "workspace.yaml")]
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(60)


def _drain(
    instance: dg.DagsterInstance, pid: int, runs: int, patience: float, sizes: list[float]
) -> tuple[float, float, int]:
    """End what was started until nothing waits; seconds since then, the daemon's CPU in them, runs that wait."""
    waiting, whole, since, cpu = runs, StopWatch(), None, 0.0
    while waiting and whole.seconds < patience:
        time.sleep(LOOK_EVERY)
        sizes.append(rss_mb(pid))
        for run in instance.get_runs(RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])):
            if since is None:
                since, cpu = StopWatch(), _cpu_seconds(pid)
            ended = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name=run.job_name)
            instance.report_dagster_event(ended, run_id=run.run_id)
        waiting = instance.get_runs_count(RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    return (since.seconds, _cpu_seconds(pid) - cpu, waiting) if since else (0.0, 0.0, waiting)


def _cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
