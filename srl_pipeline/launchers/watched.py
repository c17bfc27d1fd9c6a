"""Dagster's run launcher of one machine, watched: a run whose process died is found, ended and started again.

A code server ends the runs whose processes died, as long as it lives itself. Where it died with them (a power cut, no
memory left) Dagster's own `DefaultRunLauncher` cannot tell: such a run would be under way for ever, and its model type
would wait behind it. Named in `dagster.yaml`; Dagster's run monitoring asks.
Daemon and code server must see the same processes: no containers of their own on one network.
"""

from __future__ import annotations

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

from srl_pipeline.launchers.dead_runs import PROCESS, is_dead, process_of

GONE = (
    "The process of this run is gone: it was killed, ran out of memory, or the machine stopped. "
    "Finished assets and saved work are kept"
)


class WatchedRunLauncher(DefaultRunLauncher):
    """Starts runs as `DefaultRunLauncher` does, and knows of each whether its process lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """RUNNING where nobody can tell: on another machine, or before the run has said what its process is."""
        if is_dead(self._instance, run):
            return CheckRunHealthResult(WorkerStatus.FAILED, GONE)
        if PROCESS not in run.tags and (process := process_of(self._instance, run)):
            self._instance.add_run_tags(run.run_id, {PROCESS: process})  # its number may be another's later
        return CheckRunHealthResult(WorkerStatus.RUNNING)
