"""Where the tuning jobs of an installation are kept: `SRL_STATE` says."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.registry.places import state_table
from srl_pipeline.tuning.jobs import TuningJobs
from srl_pipeline.tuning.sqlite_jobs import TUNING, SqliteTuningJobs


def open_jobs_store(home: Path) -> TuningJobs:
    """The jobs, until they are closed; raises PipelineError where they cannot be had."""
    name = state_table()
    if not name:
        return SqliteTuningJobs(home / TUNING)
    from srl_pipeline.registry.dynamo.table import open_table
    from srl_pipeline.tuning.dynamo_jobs import DynamoTuningJobs

    return DynamoTuningJobs(open_table(name))


def has_jobs(home: Path) -> bool:
    """Whether there may be any: looking makes no file."""
    return bool(state_table()) or (home / TUNING).exists()
