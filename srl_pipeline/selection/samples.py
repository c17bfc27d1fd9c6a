"""What a candidate did with its tasks, as it is kept: answers and tokens, no prices. Money is counted anew each time.

A file a candidate, version and set of tasks: measuring again asks nothing. One that is gone or not readable is made
again; paid answers are in the cache of calls.
"""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import Field, ValidationError

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.latency import percentile
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.registry import dollars
from srl_pipeline.registry.artifacts import disk_errors, write_durably
from srl_pipeline.selection.records import Candidate, Measurement
from srl_pipeline.teachers.calls.pricing import cost
from srl_pipeline.teachers.calls.records import Usage
from srl_pipeline.teachers.catalog import TeacherEntry

log = logging.getLogger("srl_pipeline")


class Attempt(Record):
    """One task, by one candidate."""

    scenario_id: str
    accepted: bool = Field(description="Model C verified the solution.")
    seconds: float | None = Field(description="From brief to last step; None where an answer was cached.")
    usage: Usage = Field(description="Tokens of all answers, rejected ones included.")


class Sample(Record):
    """All tasks, by one candidate."""

    attempts: list[Attempt]
    spent_usd: float = Field(description="What asking cost, by the ledger, at the price of then.")


def read_sample(file: Path) -> Sample | None:
    """What was kept; None where there is nothing that can be read."""
    try:
        return Sample.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        log.warning("%s is not readable: the candidate is measured again", file)
        return None


def keep_sample(file: Path, sample: Sample) -> None:
    """Keep a sample for good; raises ArtifactError where the disk is full."""
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, pretty(sample.model_dump(mode="json")))


def measurement(candidate: Candidate, sample: Sample, entry: TeacherEntry) -> Measurement:
    """The figures of a sample, at the price that ``entry`` has now."""
    accepted, tasks = sum(a.accepted for a in sample.attempts), len(sample.attempts)
    usd = dollars(sum(cost(a.usage, entry.price, batch=entry.batch) for a in sample.attempts))
    seconds = [a.seconds for a in sample.attempts if a.seconds is not None]
    return Measurement(
        candidate=candidate.name,
        version=candidate.version,
        tasks=tasks,
        accepted=accepted,
        solved={a.scenario_id: a.accepted for a in sample.attempts},
        pass_rate=wilson(accepted, tasks),
        usd_total=usd,
        usd_per_accepted=usd / accepted if accepted else None,
        latency_p50_seconds=percentile(seconds, 0.50) if seconds else None,
        latency_p95_seconds=percentile(seconds, 0.95) if seconds else None,
        measuring_usd=sample.spent_usd,
    )
