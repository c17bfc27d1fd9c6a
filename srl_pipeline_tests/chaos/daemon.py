"""Test-only: Dagster's daemon with the project's code location, to be killed; and a backfill for it to work on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from srl_pipeline.definitions import defs
from srl_pipeline.launchers.child import PARENT

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from srl_pipeline.launchers.child import die_with_parent
die_with_parent()
from dagster._daemon.cli import main
main()
"""
"""``dagster-daemon``, but for one thing: a test run that is killed leaves none behind."""
SECONDS = 3
"""Between two looks of the run monitoring; the project's own minute would make the test ten times as long."""


class Orchestrator:
    """The daemon, its code server and the runs that this starts: one process group on a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.dagster_home = home / "dagster"
        self.dagster_home.mkdir(parents=True)
        settings = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
        settings["run_monitoring"] |= {"poll_interval_seconds": SECONDS, "start_timeout_seconds": 60}
        settings["run_monitoring"]["free_slots_after_run_end_seconds"] = SECONDS
        (self.dagster_home / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []

    def start(self) -> None:
        """As ``dagster-daemon run`` is started."""
        environment = {**os.environ, "DAGSTER_HOME": str(self.dagster_home), "SRL_HOME": str(self.home)}
        environment |= {"SRL_PRESET": "smoke", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        environment[PARENT] = str(os.getpid())
        command = [sys.executable, "-c", PROGRAM, "run", "-w", str(ROOT / "workspace.yaml")]
        with (self.home / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        self._groups.append(self._process.pid)

    def kill(self, everything: bool) -> None:
        """SIGKILL to the daemon alone, or to all that it began as well: what a machine does that loses its power."""
        assert self._process is not None
        if everything:
            self.close()
        else:
            self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Nothing that was ever started here lives afterwards."""
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def log(self) -> str:
        return (self.home / "daemon.log").read_text(errors="replace")[-6000:]


def ask_for_backfill(instance: dg.DagsterInstance, assets: Sequence[str], model_types: Sequence[str]) -> str:
    """What the UI writes when somebody asks for these partitions; the backfill's id."""
    asked = PartitionBackfill.from_asset_partitions(
        backfill_id="chaos",
        asset_graph=defs().resolve_asset_graph(),
        partition_names=list(model_types),
        asset_selection=[dg.AssetKey(name) for name in assets],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(asked)
    return asked.backfill_id


def wait_for_end(instance: dg.DagsterInstance, backfill: str, seconds: float) -> BulkActionStatus | None:
    """How the backfill ended; None where it did not in this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = instance.get_backfill(backfill)
        if found and found.status in (
            BulkActionStatus.COMPLETED_SUCCESS,
            BulkActionStatus.COMPLETED_FAILED,
            BulkActionStatus.FAILED,
        ):
            return found.status
        time.sleep(0.5)
    return None
