"""What goes wrong between us and a vendor: a clear word, a state that goes on, and never two payments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.clock import AHEAD, now_iso
from srl_pipeline.errors import PipelineError, TuningError
from srl_pipeline.registry import LEDGER, SqliteLedger
from srl_pipeline.teachers.calls import retry
from srl_pipeline.tuning import lifecycle
from srl_pipeline_tests.tuning import vendor_cases
from srl_pipeline_tests.tuning.studio import TUNER, Studio
from srl_pipeline_tests.tuning.test_lifecycle import knows_all, knows_nothing, paid_once
from srl_pipeline_tests.tuning.vendor_cases import Case
from srl_pipeline_tests.vendors import FaultPlan
from srl_pipeline_tests.vendors.openai_tuning import CANCEL, FILES, JOBS, LOOK, MODEL, SUBMIT, UPLOAD
from srl_pipeline_tests.vendors.openai_tuning_jobs import JobPlan

pytestmark = pytest.mark.chain
OPERATIONS = (UPLOAD, FILES, SUBMIT, JOBS, LOOK, MODEL)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses are tested elsewhere; here they would be most of the time."""
    monkeypatch.setattr(retry, "BACKOFF", lambda state: 0.0)
    monkeypatch.setattr(lifecycle, "DOUBT_SECONDS", 0.0)


@contextmanager
def opened(studio: Studio, folder: Path, **script: Any) -> Iterator[Case]:
    """A vendor with this script, and the files that name it."""
    with vendor_cases.openai(folder, base=knows_nothing, tuned=knows_all, **script) as case:
        studio.open(case)
        yield case


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_connection_that_breaks_before_or_after_the_work_is_done_pays_once(
    studio: Studio, tmp_path: Path, operation: str
) -> None:
    with opened(studio, tmp_path, cut={operation: ["before", "after"]}) as case:
        job = studio.see_through()
        assert job.phase == "compared"
        paid_once(studio, case, job)
        assert len(case.server.files) == 2  # none was sent twice


def test_a_vendor_that_stays_away_ends_the_command_and_nothing_is_lost(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, operation_faults={SUBMIT: FaultPlan(["overloaded"] * 4)}) as case:
        with pytest.raises(TuningError, match="503") as refused:
            studio.see_through()
        assert "nothing is lost or paid twice" in refused.value.mend
        waiting = studio.job()
        assert (waiting.phase, case.begun()) == ("uploaded", 0) and "503" in waiting.problem
        assert waiting.hold is not None and studio.booked(waiting).held == waiting.hold.amount
        job = studio.see_through()
        paid_once(studio, case, job)


def test_files_that_expire_before_the_job_begins_are_sent_again(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, expire_before_submit=["deleted", "listed"]) as case:
        job = studio.see_through()
        assert (job.phase, job.uploads) == ("compared", 3)
        paid_once(studio, case, job)


def test_files_that_never_last_are_told_of(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, expire_before_submit=["deleted"] * 3) as case:
        with pytest.raises(TuningError, match="file"):
            studio.see_through()
        assert case.begun() == 0


def test_a_job_that_the_vendor_lost_keeps_its_money_aside_until_it_is_given_up(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, plans=[JobPlan(lost_after=1)]) as case:
        for _ in range(2):
            with pytest.raises(TuningError, match="its money stays set aside") as lost:
                studio.see_through()
            assert "tunings cancel" in lost.value.mend
        job = studio.job()
        assert job.phase == "submitted" and job.hold is not None
        assert studio.booked(job).held == job.hold.amount and case.begun() == 1
        with studio.work() as work:
            over = work.cancel(job.key)
        assert over.phase == "closed" and over.charged == job.hold.amount
        assert (studio.booked(job).held, studio.booked(job).committed) == (0, job.hold.amount)


def test_a_job_that_fails_is_settled_and_told_and_may_be_tried_again(studio: Studio, tmp_path: Path) -> None:
    failing = JobPlan(ends="failed", error=("bad_data", "Row 3 is odd."), partial_tokens=500)
    with opened(studio, tmp_path, plans=[failing]) as case:
        job = studio.see_through()
        assert job.phase == "closed" and "Row 3 is odd." in job.problem and job.teacher == ""
        assert studio.booked(job).committed == case.bill() > 0
        assert studio.see_through() == job  # not tried again by itself
        better = studio.see_through(again=True)
        assert (better.phase, better.attempt, case.begun()) == ("compared", 2, 2)


def test_a_job_is_given_up_before_it_is_sent_and_costs_nothing(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, operation_faults={SUBMIT: FaultPlan(["overloaded"] * 4)}) as case:
        with pytest.raises(TuningError):
            studio.see_through()
        with studio.work() as work:
            job = work.cancel(studio.job().key)
        assert (job.phase, job.charged, case.begun()) == ("closed", 0, 0)
        assert studio.booked(job).held == 0


def test_a_job_under_way_is_given_up_and_charged_what_was_trained(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, plans=[JobPlan(polls=50, partial_tokens=300)]) as case:
        key = studio.begin()
        with studio.work() as work:
            assert work.advance(key).phase == "submitted"
            job = work.cancel(key)
        assert job.phase == "closed" and job.state is not None and job.state.state == "cancelled"
        assert studio.booked(job).committed == case.bill() > 0 and studio.booked(job).held == 0


def test_a_job_that_takes_too_long_is_cancelled(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(studio, tmp_path, plans=[JobPlan(polls=50, partial_tokens=0)]) as case:
        studio.open(case, max_hours=2.0)
        key = studio.begin()
        with studio.work() as work:
            work.advance(key)
            monkeypatch.setenv(AHEAD, str(3 * 3600))
            work.look(key)
            job = work.follow(key, 0.0, lambda job: None)
        assert job.phase == "closed" and case.server.jobs[0].status == "cancelled"
        assert [r.operation for r in case.server.received].count(CANCEL) <= 1


def test_a_budget_that_is_used_up_after_the_plan_stops_before_anything_is_sent(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path) as case:
        key = studio.begin()
        with studio.work(budget__month_usd=0.000001) as work, pytest.raises(TuningError, match="budget: "):
            work.advance(key)
        waiting = studio.job()
        assert waiting.phase == "planned" and "budget.month_usd" in waiting.problem
        assert (case.server.files, case.begun()) == ([], 0)
        job = studio.see_through()
        paid_once(studio, case, job)


@pytest.mark.parametrize(
    ("tuner", "settings", "check"),
    [
        ({"price": None}, {}, "unknown cost"),
        ({}, {"budget__month_usd": 0.0}, "budget.month_usd"),
    ],
)
def test_a_plan_that_cannot_be_paid_for_is_told_and_spends_nothing(
    studio: Studio, tmp_path: Path, tuner: dict[str, Any], settings: dict[str, Any], check: str
) -> None:
    with opened(studio, tmp_path) as case:
        studio.open(case, **tuner)
        plan = studio.plan(**settings)
        assert any(check in failed.detail for failed in plan.failed)
        with pytest.raises(TuningError, match="Nothing was spent") as refused:
            studio.begin(**settings)
        assert check in str(refused.value) and (case.server.files, case.begun()) == ([], 0)


def test_a_data_set_that_is_too_small_is_refused_with_the_vendors_number(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "capabilities.yaml"
    row = "{providers: [openai], methods: [supervised], endpoints: ['*'], status: open, least_examples: 500, "
    table.write_text(f"version: 1\nentries:\n  - {row}source: a test, as_of: 2026-11-01}}\n", encoding="utf-8")
    monkeypatch.setenv("SRL_TUNING_CAPABILITIES", str(table))
    with opened(studio, tmp_path):
        [failed] = studio.plan().failed
        assert failed.name == "examples" and "500" in failed.detail


def test_another_data_set_waits_for_the_job_that_is_under_way(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, plans=[JobPlan(polls=50)]) as case:
        key = studio.begin()
        studio.open(case, epochs=3)
        with pytest.raises(TuningError, match=f"Job {key} of tuner {TUNER} is planned"):
            studio.begin()


def test_no_key_is_in_the_record_or_in_any_error(studio: Studio, tmp_path: Path) -> None:
    from srl_pipeline_tests.tuning.providers.openai_cases import KEY

    with opened(studio, tmp_path, operation_faults={SUBMIT: FaultPlan(["server_error"] * 4)}) as case:
        with pytest.raises(PipelineError) as refused:
            studio.see_through()
        case.server.key = "another"
        with pytest.raises(PipelineError) as denied:
            studio.see_through()
        said = f"{refused.value}{refused.value.__cause__}{denied.value}{denied.value.__cause__}"
        assert "401" in said and KEY not in said
        assert all(KEY.encode() not in file.read_bytes() for file in studio.home.glob("tuning.sqlite*"))


def test_a_submission_that_may_be_under_way_is_looked_for_and_not_repeated(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DOUBT_SECONDS", 60.0)
    with opened(studio, tmp_path, cut={SUBMIT: ["before"]}) as case:
        key = studio.begin()
        with studio.work() as work:
            doubtful = work.advance(key)
            assert doubtful.phase == "uploaded" and doubtful.waiting and case.begun() == 0
            with pytest.raises(TuningError, match="is not known yet"):
                work.cancel(key)
            assert work.look(key).phase == "uploaded" and case.begun() == 0
            monkeypatch.setattr(lifecycle, "DOUBT_SECONDS", 0.0)
            job = work.follow(key, 0.0, lambda job: None)
        assert job.phase == "closed" and job.charged == 0  # somebody gave it up meanwhile
        assert case.begun() == 0


def test_an_endpoint_that_forgets_whose_job_it_is_gets_one_and_no_more(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, keeps_metadata=False) as case:
        for _ in range(2):
            job = studio.see_through()
            assert job.phase == "closed" and "keeps no metadata" in job.problem
        assert case.begun() == 1 and job.hold is not None and job.charged == job.hold.amount


def test_a_job_that_had_ended_unseen_is_settled_when_it_is_given_up_and_nothing_else(
    studio: Studio, tmp_path: Path
) -> None:
    with opened(studio, tmp_path) as case:
        key = studio.begin()
        with studio.work() as work:
            work.advance(key)
            for _ in range(3):  # somebody else looks on
                case.server.jobs[0].polled += 1
            job = work.cancel(key)
            job = job if job.over else work.follow(key, 0.0, lambda job: None)
        assert (job.phase, job.teacher, job.decision) == ("closed", "", 0)
        assert studio.decisions() == [] and studio.booked(job).held == 0


def test_a_job_is_looked_at_and_settled_although_its_data_set_is_gone(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path, plans=[JobPlan(polls=50, partial_tokens=300)]) as case:
        key = studio.begin()
        with studio.work() as work:
            work.advance(key)
            for file in studio.dataset.path.iterdir():
                file.unlink()
            assert work.look(key).phase == "submitted"
            job = work.cancel(key)
        assert job.phase == "closed" and studio.booked(job).committed == case.bill()


def test_a_job_stays_with_the_account_that_it_was_begun_in(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path) as case:
        key = studio.begin()
        with studio.work() as work:
            work.advance(key)
        case.teacher["endpoint"] = "http://127.0.0.1:9/v1"
        studio.open(case)
        with studio.work() as work:
            assert work.look(key).state is not None
        case.teacher["endpoint"] = case.server.url
        studio.open(case)
        paid_once(studio, case, studio.see_through())


def test_a_job_that_is_paid_for_can_be_given_up_where_its_comparison_cannot_be_made(
    studio: Studio, tmp_path: Path
) -> None:
    with opened(studio, tmp_path):
        with pytest.raises(TuningError, match="a comparison needs"):
            studio.see_through(selection__tasks=2)
        job = studio.job()
        assert job.phase == "registered" and "a comparison needs" in job.problem
        with studio.work() as work:
            over = work.cancel(job.key)
        assert (over.phase, over.problem) == ("closed", "It was given up.")
        assert studio.see_through(again=True).attempt == 2


@pytest.mark.parametrize(("kind", "provider"), [("anthropic", "openai"), ("openai", "gemini")])
def test_a_key_is_never_sent_to_another_vendor(studio: Studio, tmp_path: Path, kind: str, provider: str) -> None:
    place = {"project": "p", "region": "r", "bucket": "b"} if provider == "gemini" else {}
    with opened(studio, tmp_path) as case:
        case.teacher["kind"] = kind
        studio.open(case, provider=provider, **place)
        assert any(f.name == "teacher" and f"is of kind {kind}" in f.detail for f in studio.plan().failed)
        with pytest.raises(TuningError, match="Nothing was spent"):
            studio.begin()
        assert list(case.server.received) == []


def test_looking_at_a_plan_leaves_nothing_set_aside(studio: Studio, tmp_path: Path) -> None:
    with opened(studio, tmp_path):
        plan = studio.plan()
        with closing(SqliteLedger(studio.home / LEDGER)) as ledger:
            assert ledger.statement(now_iso()[:7]) == {} and plan.failed == []
