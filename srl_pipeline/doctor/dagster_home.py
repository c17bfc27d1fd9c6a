"""Dagster's instance: its folder, its settings, its daemon. Dagster is imported inside the checks alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from srl_pipeline.doctor.finding import Finding, ok, problem, warning
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from dagster._core.instance.ref import InstanceRef

VARIABLE, FILE = "DAGSTER_HOME", "dagster.yaml"
RUNS = Path("history", "runs.db")
"""Where an instance on SQLite keeps runs and heartbeats: opening an instance that is not there would make it."""


def dagster(installation: Installation) -> list[Finding]:
    """The folder of the instance, and a ``dagster.yaml`` in it that Dagster takes."""
    folder = _folder(installation)
    if not folder.is_absolute():
        return [
            problem(
                f"{VARIABLE} is not absolute.",
                where=f"environment variable {VARIABLE}",
                mend="Give an absolute path, or unset it.",
            )
        ]
    if not (folder / FILE).is_file():
        if not folder.is_dir():
            return [ok(f"{folder} is made by the first run")]
        mend = f"Copy the repository's {FILE} there; 'srl-pipeline run' does."
        return [warning(f"{FILE} is missing: limits of runs and pools do not hold.", where=str(folder), mend=mend)]
    _reference(folder)
    if not os.environ.get(VARIABLE):
        return [
            warning(
                f"{VARIABLE} is not set: these commands use {folder}, dagster-webserver and dagster-daemon do not.",
                where=f"environment variable {VARIABLE}",
                mend=f"Set it to {folder} before starting them; 'make dev' does.",
            )
        ]
    return [ok(str(folder / FILE))]


def daemon(installation: Installation) -> list[Finding]:
    """Whether sensors and queue are served. An instance in a database is asked with ``--online`` alone."""
    folder = _folder(installation)
    if not (folder / FILE).is_file():
        return [ok("there is no instance yet")]
    reference = _reference(folder)
    storage = reference.storage_data
    in_files = storage is not None and storage.class_name == "DagsterSqliteStorage"
    if in_files and not (folder / RUNS).is_file():
        return [ok("the instance has not run anything yet")]
    if not in_files and not installation.online:
        return [ok("the instance is in a database; not asked without --online")]
    return [daemon_finding(_silent(reference, folder), folder)]


def daemon_finding(silent: list[str], folder: Path) -> Finding:
    """``silent``: kinds of daemon that are needed and have shown no fresh heartbeat."""
    if not silent:
        return ok("its heartbeats are fresh")
    return warning(
        f"No fresh heartbeat of {', '.join(silent)}: no sensor looks, no schedule ticks, no queued run begins.",
        where=f"instance in {folder}",
        mend="Run 'make dev' or dagster-daemon; without them only 'srl-pipeline run' makes anything.",
    )


def _silent(reference: InstanceRef, folder: Path) -> list[str]:
    from dagster import DagsterInstance
    from dagster_shared.error import DagsterError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with DagsterInstance.from_ref(reference) as instance:
            found = instance.get_daemon_statuses()
    except (DagsterError, SQLAlchemyError) as error:
        # Not their words: they may hold the address of a database with its password.
        raise PipelineError(
            f"The instance cannot be opened ({type(error).__name__}).",
            where=str(folder),
            mend="Start dagster-webserver on it to see why; 'dagster instance migrate' helps after an upgrade.",
        ) from None
    return sorted(kind for kind, status in found.items() if status.required and not status.healthy)


def _reference(folder: Path) -> InstanceRef:
    """What ``dagster.yaml`` describes; nothing is opened. Raises PipelineError."""
    from dagster._check import CheckError
    from dagster._core.instance.ref import InstanceRef
    from dagster_shared.error import DagsterError

    try:
        return InstanceRef.from_dir(str(folder))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _refused(f"it is no YAML: {error.problem}", f"{folder / FILE}{line}") from None
    except (DagsterError, CheckError, OSError, yaml.YAMLError) as error:
        first = next(iter(getattr(error, "errors", [])), None)
        why = first.message if first else f"{type(error).__name__}"
        raise _refused(why, str(folder / FILE)) from None


def _refused(why: str, where: str) -> PipelineError:
    return PipelineError(f"Dagster does not take {FILE}: {why}", where=where, mend="Compare it with the repository's.")


def _folder(installation: Installation) -> Path:
    return Path(os.environ.get(VARIABLE) or installation.home / "dagster")
