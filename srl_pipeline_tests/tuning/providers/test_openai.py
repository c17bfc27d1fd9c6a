"""OpenAI's tuning through the real SDK, against a server that keeps jobs and is held to the specification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.teachers.calls.records import (
    CallError,
    PermanentError,
    TransientError,
)
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline.tuning.provider import FileGone, JobGone
from srl_pipeline.tuning.providers.openai import OpenAITuning
from srl_pipeline.tuning.records import Method
from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV, entry, model_call
from srl_pipeline_tests.tuning.examples import tuner
from srl_pipeline_tests.tuning.providers.openai_cases import (
    KEYED,
    METHODS,
    begin,
    examples,
    spec,
    submissions,
    tuning,
    until_end,
    vendor,
)
from srl_pipeline_tests.vendors import FaultPlan, read_log
from srl_pipeline_tests.vendors.cuts import Cut
from srl_pipeline_tests.vendors.openai_tuning import (
    BILL,
    CANCEL,
    JOBS,
    SUBMIT,
    UPLOAD,
    OpenAITuningServer,
)
from srl_pipeline_tests.vendors.openai_tuning_jobs import STAGES, JobPlan


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)


@pytest.mark.parametrize("method", METHODS)
def test_a_job_lives_from_its_files_to_a_model_that_answers(method: Method, tmp_path: Path) -> None:
    def tuned(prompt: str, schema: object, request: object) -> str:
        return '{"tuned": true}'

    with vendor(tmp_path, tuned_answer=tuned) as server:
        adapter = tuning(server, method)
        job = begin(adapter, spec(method))
        states = until_end(adapter, job)
        name = adapter.serve(states[-1].model, KEYED)
        reply = make_backend(entry("openai", server.url, model=name)).complete(
            model_call(model=name), timeout=9, idempotency_key="k"
        )
        assert adapter.find(KEYED) == job
    assert [s.state for s in states] == ["queued", "queued", "running", "succeeded"]
    assert name.startswith("ft:gpt-4.1-nano:srl:houses-012345:") and reply.text == '{"tuned": true}'
    assert submissions(server) == 1
    seconds = states[-1].trained_seconds
    assert seconds == (3600.0 if method == "reinforcement" else None)
    assert states[-1].trained_tokens == server.jobs[0].tokens > 0


def test_the_bill_is_by_tokens_or_by_hours(tmp_path: Path) -> None:
    with vendor(tmp_path, usd_per_million_tokens=10.0, usd_per_hour=80.0) as server:
        adapter = tuning(server)
        end = until_end(adapter, begin(adapter, spec()))[-1]
        by_tokens = server.bill()
        rewarded = tuning(server, "reinforcement")
        until_end(rewarded, begin(rewarded, spec("reinforcement", key="srl-other")))
    assert end.trained_tokens is not None
    assert by_tokens == pytest.approx(end.trained_tokens * 10.0 / 1e6)
    assert server.bill() - by_tokens == pytest.approx(80.0)
    lines = [entry for entry in read_log(server.log.file) if entry.operation == BILL]
    assert [line.input_tokens for line in lines] == [job.tokens for job in server.jobs]


def test_a_file_that_is_there_is_not_sent_again(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        train, validation = adapter.files(examples(), spec())
        assert adapter.upload(train) == adapter.upload(train) != adapter.upload(validation)
    assert len(server.files) == 2 and server.files[0].content == train.content


def test_a_file_whose_upload_was_cut_off_is_sent_once(tmp_path: Path) -> None:
    with vendor(tmp_path, cut={UPLOAD: ["before", "after"]}) as server:
        adapter = tuning(server)
        train, _ = adapter.files(examples(), spec())
        for kept in (0, 1):
            with pytest.raises(TransientError, match="the connection to openai broke") as raised:
                adapter.upload(train)
            assert raised.value.billed == "unknown" and len(server.files) == kept
        assert adapter.upload(train) == server.files[0].id
    assert len(server.files) == 1


def test_a_file_that_has_expired_is_sent_again(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        train, _ = adapter.files(examples(), spec())
        first = adapter.upload(train)
        server.expire_files("listed")
        assert adapter.upload(train) != first


@pytest.mark.parametrize("how", ["deleted", "listed"])
def test_a_submission_with_an_expired_file_says_so_and_begins_nothing(how: str, tmp_path: Path) -> None:
    with vendor(tmp_path, expire_before_submit=[how]) as server:
        adapter = tuning(server)
        with pytest.raises(FileGone, match=r"no longer has the train file file-\w+") as raised:
            begin(adapter, spec())
        assert submissions(server) == 0
        begin(adapter, spec())  # uploaded anew
    assert submissions(server) == 1 and KEY not in str(raised.value)


def test_a_second_submission_begins_no_second_job(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        assert begin(adapter, spec()) == begin(adapter, spec())
        assert begin(adapter, spec(key="srl-other")) != server.jobs[0].id
    assert submissions(server) == 2 and len(server.created(KEYED)) == 1
    headers = [r.headers["idempotency-key"] for r in server.received if r.operation == SUBMIT]
    assert headers == [KEYED, "srl-other"]


def test_a_submission_whose_answer_was_lost_is_found_again(tmp_path: Path) -> None:
    with vendor(tmp_path, cut={SUBMIT: ["before", "after"]}) as server:
        for begun in (0, 1):
            with pytest.raises(TransientError):
                begin(tuning(server), spec())
            assert submissions(server) == begun
        assert tuning(server).find(KEYED) == server.jobs[0].id
        assert begin(tuning(server), spec()) == server.jobs[0].id  # as a new process would
    assert submissions(server) == 1


def test_a_submission_whose_answer_was_unreadable_is_found_again(tmp_path: Path) -> None:
    faults = {SUBMIT: FaultPlan(["malformed_json", "truncated"])}
    with vendor(tmp_path, operation_faults=faults) as server:
        with pytest.raises(TransientError) as raised:
            begin(tuning(server), spec())
        assert begin(tuning(server), spec()) == server.jobs[0].id
    assert raised.value.billed == "unknown" and submissions(server) == 1


@pytest.mark.parametrize("filters", [True, False])
def test_a_job_is_found_on_a_later_page(filters: bool, tmp_path: Path) -> None:
    with vendor(tmp_path, filters=filters) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        for n in range(120):
            server.jobs.append(adapted(server, n))
        assert adapter.find(KEYED) == job
        assert adapter.find("srl-none") is None
    pages = sum(e.operation == JOBS for e in read_log(server.log.file))
    assert pages == (1 + 2 * (1 if filters else 2))


def adapted(server: OpenAITuningServer, number: int) -> Any:
    """A job of somebody else, without any metadata."""
    from dataclasses import replace

    first = server.jobs[0]
    return replace(first, id=f"ftjob-other-{number}", request={**first.request, "metadata": None})


def test_an_endpoint_that_keeps_no_metadata_is_left_before_it_costs_anything(tmp_path: Path) -> None:
    words = r"keeps no metadata.* was cancelled"
    with vendor(tmp_path, keeps_metadata=False) as server, pytest.raises(PermanentError, match=words):
        begin(tuning(server), spec())
    assert [job.status for job in server.jobs] == ["cancelled"] and server.bill() == 0


def test_a_job_without_metadata_that_cannot_be_cancelled_is_not_begun_again(tmp_path: Path) -> None:
    cut: dict[str, list[Cut | None]] = {CANCEL: ["before"]}
    words = r"could not be cancelled.*end it at the vendor"
    with vendor(tmp_path, keeps_metadata=False, cut=cut) as server, pytest.raises(PermanentError, match=words):
        begin(tuning(server), spec())
    assert submissions(server) == 1


@pytest.mark.parametrize("last", STAGES)
def test_the_vendor_may_end_a_job_in_any_state(last: Any, tmp_path: Path) -> None:
    plan = JobPlan(ends="cancelled", last=last, partial_tokens=40, polls=2)
    with vendor(tmp_path, plans=[plan]) as server:
        adapter = tuning(server)
        states = until_end(adapter, begin(adapter, spec()))
    assert states[-1].state == "cancelled" and states[-1].trained_tokens == 40 and states[-1].problem == ""
    assert len(states) == 2 * (STAGES.index(last) + 1) + 1


@pytest.mark.parametrize("looks", range(5))
def test_a_job_is_cancelled_in_every_state(looks: int, tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        seen = [adapter.look(job).state for _ in range(looks)]
        ended = server.jobs[0].ended
        adapter.cancel(job)
        adapter.cancel(job)  # it has ended now: nothing to do
        assert adapter.look(job).state == ("succeeded" if ended else "cancelled")
    assert ended == (looks == 4) and seen == ["queued", "queued", "running", "succeeded"][:looks]


def test_a_job_that_the_vendor_lost_is_gone(tmp_path: Path) -> None:
    with vendor(tmp_path, plans=[JobPlan(lost_after=1)]) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        assert adapter.look(job).state == "queued"
        for ask in (adapter.look, adapter.cancel):
            with pytest.raises(JobGone, match=f"openai does not know the job {job}") as raised:
                ask(job)
            assert KEY not in str(raised.value) and "bill" in raised.value.mend
        assert adapter.find(KEYED) is None


def test_a_model_that_is_not_there_yet_is_asked_for_again(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        with pytest.raises(TransientError, match="does not exist"):
            adapter.serve("ft:gpt-4.1-nano:srl::1", KEYED)
        with pytest.raises(CallError):
            make_backend(entry("openai", server.url)).complete(
                model_call(model="ft:gpt-4.1-nano:srl::1"), timeout=9, idempotency_key="k"
            )


def test_an_endpoint_without_pages_of_models_and_events_serves(tmp_path: Path) -> None:
    class Sparse(OpenAITuningServer):
        def routes(self) -> list[Any]:
            return [route for route in super().routes() if not route.path.endswith(("/events", "{model:path}"))]

    with Sparse(tmp_path / "log.jsonl", key=KEY) as server:
        adapter = tuning(server)
        end = until_end(adapter, begin(adapter, spec()))[-1]
        assert adapter.serve(end.model, KEYED) == end.model and end.note == ""
    assert server.invalid == []


def test_the_teachers_address_serves_where_the_tuner_has_none(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = OpenAITuning(entry("openai", server.url, vendor="mine"), tuner())
        assert adapter.find(KEYED) is None and adapter.vendor == "mine"
        adapter.close()
