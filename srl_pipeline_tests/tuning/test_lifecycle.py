"""A whole life at each vendor: one job, one payment, a teacher that is measured against prompting alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.teachers import teacher_entry
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline_tests.generation.paid import PACK
from srl_pipeline_tests.selection.market import Flawed
from srl_pipeline_tests.tuning import vendor_cases
from srl_pipeline_tests.tuning.studio import BASE, TASKS, Studio
from srl_pipeline_tests.tuning.vendor_cases import Case
from srl_pipeline_tests.vendors.bedrock_server import BedrockServer
from srl_pipeline_tests.vendors.expert import Expert

LIVES = [
    ("openai", "supervised"),
    ("openai", "preference"),
    ("openai", "reinforcement"),
    ("gemini", "supervised"),
    ("gemini", "preference"),
    ("bedrock", "supervised"),
    ("anthropic", "prompt"),
]
Open = Callable[..., AbstractContextManager[Case]]


@lru_cache(maxsize=1)
def expert() -> Expert:
    return Expert(PACK, mistakes=0.0)


def knows_nothing(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
    return "I do not know."


def knows_all(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
    return expert()(prompt, schema, request)


@pytest.fixture
def at(aws: BedrockServer, tmp_path: Path) -> Callable[[str, str], Open]:
    """Opens a vendor."""

    def choose(vendor: str, method: str) -> Open:
        opened: Any = getattr(vendor_cases, vendor)
        if vendor == "bedrock":
            opened = partial(opened, aws=aws)
        return partial(opened, tmp_path, method=method)

    return choose


def paid_once(studio: Studio, case: Case, job: TuningJob) -> None:
    """The vendor has one job, the ledger its cost to the nano-dollar, and nothing is set aside."""
    balance = studio.booked(job)
    assert balance.held == 0 and balance.committed == job.charged
    if job.tuner.method != "prompt":
        assert case.begun() == 1 and balance.committed == case.bill() > 0


@pytest.mark.parametrize(("vendor", "method"), LIVES)
def test_a_job_ends_as_a_teacher_that_was_measured(
    studio: Studio, at: Callable[[str, str], Open], vendor: str, method: str
) -> None:
    with at(vendor, method)(base=knows_nothing, tuned=knows_all) as case:
        studio.open(case)
        plan = studio.plan()
        assert plan.failed == [] and plan.estimate is not None and case.begun() == 0
        job = studio.see_through()
        assert (job.phase, job.problem) == ("compared", "")
        paid_once(studio, case, job)
        assert (job.charged or 0) <= (job.hold.amount if job.hold else 10**12)
        assert teacher_entry(job.teacher).model == (job.served or "base-1")
        [decision] = studio.decisions()
        assert decision.id == job.decision and decision.verdict == "change"
        assert decision.evidence["comparison"]["tuned_accepted"] == TASKS
        assert studio.config().selection.candidates == [BASE, job.teacher]
        assert studio.see_through() == job  # again: nothing is left to do
        paid_once(studio, case, job)


def test_a_tuned_model_that_is_no_better_stays_out_of_the_selection(studio: Studio, tmp_path: Path) -> None:
    with vendor_cases.openai(tmp_path, base=knows_all, tuned=Flawed(expert(), 3)) as case:
        studio.open(case)
        job = studio.see_through()
        [decision] = studio.decisions()
        assert decision.verdict == "no change" and "worse than prompting alone" in decision.reasons[0]
        assert studio.config().selection.candidates == [] and job.phase == "compared"
        paid_once(studio, case, job)
