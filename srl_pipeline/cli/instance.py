"""The Dagster instance of the command line: the one that `dagster dev` shows, and no ghosts in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.registry.artifacts import disk_errors

if TYPE_CHECKING:
    from dagster import DagsterInstance

SETTINGS = Path(__file__).resolve().parents[2] / "dagster.yaml"


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
    """The instance in ``folder``, without the capture of standard output, which would take the terminal from us.

    One process at a time: two that make a new history at once leave one behind that Dagster never opens again.
    """
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    capture = {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
        "config": {},
    }
    with exclusive(folder / ".storage.lock", on_wait=lambda: None):
        return DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides={"compute_logs": capture}))
