"""Dagster itself: how fast runs are put into the queue and taken out of it, and what a run leaves in its event log.

The real daemon's iteration over a queue in SQLite, with a launcher that starts nothing: what is left out is the start
of a process or a pod.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.dagster_run import RunsFilter
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from benchmarks.scale_timing import Figure, timed
from srl_pipeline.defs.making import PARTITION, latest_version
from srl_pipeline.launchers.dead_runs import failed_keys, under_way

LIMITS = (4, 200)
"""Runs at once: the default, and one for 10,000 generations a day."""
LAUNCHER = {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"}


def measure_queue(queued: int, repeats: int) -> list[Figure]:
    """Look through a queue, and start as many runs as each of `LIMITS` allows."""
    from srl_pipeline.definitions import defs

    job, status = defs().resolve_job_def("regenerate"), dg.DagsterRunStatus.QUEUED
    logging.disable(logging.WARNING)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("srl"), "repository"), job.name)

    def make() -> None:
        instance.create_run_for_job(job, status=status, remote_job_origin=origin)

    with TemporaryDirectory(prefix="scale-") as folder, _instance(folder, LIMITS[0]) as instance:
        found = [timed("queue: make a run with its plan", "the job regenerate", make, repeats)]
    for limit in LIMITS:
        with TemporaryDirectory(prefix="scale-") as folder, _instance(folder, limit) as instance:
            for number in range(queued):
                tags = {PARTITION: f"type_{number:04d}", "srl/trigger": "rules"}
                instance.add_run(dg.DagsterRun(job.name, status=status, tags=tags, remote_job_origin=origin))
            found += _dequeued(instance, limit, queued, repeats)
    return found


def _dequeued(instance: dg.DagsterInstance, limit: int, queued: int, repeats: int) -> list[Figure]:
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    look = cast("Callable[..., Any]", daemon._get_runs_to_dequeue)
    config = instance.get_concurrency_config()
    context: Any = SimpleNamespace(instance=instance, create_request_context=lambda: None)
    name, size = f"queue, {limit} runs at once", f"{queued:,} runs of as many model types in the queue"
    choosing = timed(f"{name}: choose what is started", size, lambda: look(instance, config, None), repeats)
    whole = timed(f"{name}: choose and start, launcher left out", size, lambda: list(daemon.run_iteration(context)))
    started = instance.get_runs_count(RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
    return [choosing, whole, Figure(f"{name}: runs started by it", size, float(started), "runs")]


def measure_questions(types: int, runs_each: int, repeats: int) -> list[Figure]:
    """What our code asks Dagster about a model type, beside so many finished runs and materializations."""
    found: list[Figure] = []
    with TemporaryDirectory(prefix="scale-") as folder, _instance(folder, LIMITS[0]) as instance:
        names = [f"type_{number:04d}" for number in range(types)]
        for name in names:
            for _ in range(runs_each):
                run = dg.DagsterRun("regenerate", status=dg.DagsterRunStatus.SUCCESS, tags={PARTITION: name})
                instance.add_run(run)
            made = dg.AssetMaterialization("eval_report", partition=name, tags={"dagster/data_version": "v"})
            instance.report_runless_asset_event(made)
        size = f"{types:,} types, {types * runs_each:,} runs"
        some = names[:: max(1, types // 20)]
        questions: dict[str, Callable[[str], object]] = {
            "whether a run is under way": lambda name: under_way(instance, PARTITION, name),
            "keys of its failed runs": lambda name: failed_keys(instance, PARTITION, name),
            "its latest data version": lambda name: latest_version(instance, "eval_report", name),
        }
        for what, ask in questions.items():
            name = f"Dagster, of one type: {what}"
            found.append(timed(name, size, lambda ask=ask: [ask(n) for n in some], repeats, parts=len(some)))
        key = dg.AssetKey("eval_report")
        what = "Dagster: which types have a report"
        found.append(timed(what, size, lambda: instance.get_materialized_partitions(key), repeats))
    return found


def measure_run(home: Path) -> list[Figure]:
    """What the runs of an installation left in Dagster's storage (SQLite), each of a whole chain."""
    runs = home / "dagster" / "history"
    logs = sorted((runs / "runs").glob("*-*.db"))
    counted = [_table(log, "event_logs") for log in logs]
    rows, size = (sum(part) / len(logs) for part in zip(*counted, strict=True))
    again = _table(runs / "runs" / "index.db", "event_logs")
    names = ("event log: rows of a run", "event log: size of these rows", "event log: size of the index's copy of some")
    values = (rows, size / 1000, again[1] / 1000 / len(logs))
    what = f"{len(logs)} whole chain{'s' if len(logs) > 1 else ''}"
    return [Figure(n, what, v, u) for n, v, u in zip(names, values, ("rows", "kB", "kB"), strict=True)]


def _table(file: Path, table: str) -> tuple[int, int]:
    """Rows, and bytes of what is in them."""
    with closing(sqlite3.connect(file)) as db:
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        lengths = " + ".join(f"COALESCE(LENGTH(CAST({name} AS BLOB)), 0)" for name in columns)
        rows, size = db.execute(f"SELECT COUNT(*), SUM({lengths}) FROM {table}").fetchone()
    return rows, size or 0


def _instance(folder: str, limit: int) -> dg.DagsterInstance:
    limits = [{"key": PARTITION, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}]
    return dg.DagsterInstance.local_temp(
        folder,
        overrides={
            "run_launcher": LAUNCHER,
            "concurrency": {
                "pools": {"granularity": "op", "default_limit": 1},
                "runs": {"max_concurrent_runs": limit, "tag_concurrency_limits": limits},
            },
        },
    )
