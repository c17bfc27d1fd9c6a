"""The jobs that are not over, of all model types: cheap to ask, for a sensor asks every minute."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from srl_pipeline.tuning.job_store import has_jobs, open_jobs_store
from srl_pipeline.tuning.jobs import TuningJob


def open_jobs(home: Path) -> list[TuningJob]:
    """Newest first; none where nothing was ever tuned."""
    if not has_jobs(home):
        return []
    with closing(open_jobs_store(home)) as jobs:
        return [job for job in jobs.jobs() if not job.over]
