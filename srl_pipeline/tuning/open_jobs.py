"""The jobs that are not over, of all model types: cheap to ask, for a sensor asks every minute."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.sqlite_jobs import TUNING, SqliteTuningJobs


def open_jobs(home: Path) -> list[TuningJob]:
    """Newest first; none where nothing was ever tuned."""
    if not (home / TUNING).exists():
        return []
    with closing(SqliteTuningJobs(home / TUNING)) as jobs:
        return [job for job in jobs.jobs() if not job.over]
