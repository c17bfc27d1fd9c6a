"""What the asset `tuned_teacher` does in one run: it goes as far as it can without waiting for the vendor."""

from __future__ import annotations

from dataclasses import dataclass

from srl_pipeline.registry import StoredArtifact, dollars
from srl_pipeline.tuning.catalog import read_tuners
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.page import job_line, plan_page
from srl_pipeline.tuning.work import Work


@dataclass(frozen=True)
class Told:
    """What is shown of a run.

    Attributes:
        version: Of the job and how far it has come.
        page: The plan, in Markdown.
        charged_usd: None until the job is settled.
    """

    version: str
    line: str
    page: str
    unchanged: bool
    charged_usd: float | None


def advance_begun(work: Work, key: str) -> Told:
    """Take the steps of a job that was begun; raises TuningError, BudgetError and TeacherError."""
    job = work.advance(key)
    return _told(job, "", unchanged=False)


def advance_planned(work: Work, dataset: StoredArtifact) -> Told:
    """Plan the job of ``tuning.tuner``; with ``tuning.confirm``, or where it was begun, take its steps.

    Raises TuningError, BudgetError and TeacherError.
    """
    name = work.config.tuning.tuner
    if not name:
        return Told("none", "setting tuning.tuner names no tuner: nothing to do", "", unchanged=True, charged_usd=None)
    plan = work.plan(dataset, name, read_tuners().get(name))
    before = plan.job
    if before.over:
        return _told(before, plan_page(plan), unchanged=True)
    if before.revision == 0:
        if not work.config.tuning.confirm:
            return _told(before, plan_page(plan), unchanged=True)
        work.begin(plan)
    job = work.advance(before.key)
    return _told(job, plan_page(plan), unchanged=job.phase == before.phase)


def _told(job: TuningJob, page: str, *, unchanged: bool) -> Told:
    charged = None if job.charged is None else dollars(job.charged)
    return Told(f"{job.key}-{job.phase}", job_line(job), page, unchanged, charged)
