"""Gemini on Vertex AI: the life of a job through Google's SDK, against a server held to Google's specification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from srl_pipeline.teachers.calls.records import PermanentError, RateLimitError, TransientError
from srl_pipeline.tuning.provider import FileGone, JobGone
from srl_pipeline_tests.tuning.providers.vertex_cases import (
    begun,
    examples,
    job_spec,
    looked,
    uploaded,
    vertex,
)
from srl_pipeline_tests.vendors import Fault, FaultPlan, read_log
from srl_pipeline_tests.vendors.server import Work
from srl_pipeline_tests.vendors.vertex_jobs import FAILS
from srl_pipeline_tests.vendors.vertex_server import BILL, CREATE, VertexServer

pytestmark = pytest.mark.chain


@pytest.mark.parametrize("settings", [{"method": "supervised"}, {"method": "preference", "beta": 0.2}])
def test_a_job_is_begun_and_followed_to_its_deployed_model(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        states = looked(adapter, begun(adapter, **settings))
        served = adapter.serve(states[-1].model, "any")
    (job,) = server.jobs
    assert [s.state for s in states] == ["queued", "running", "succeeded"]
    assert served == states[-1].model == job.endpoint
    assert server.invalid == []
    (bill,) = [e for e in read_log(server.log.file) if e.billed]
    assert (bill.operation, bill.custom_id) == (BILL, job.key)
    assert states[-1].trained_tokens == bill.input_tokens == 2 * (job.tokens or 0) > 0
    hyper = job.tuning["hyperParameters"]
    assert hyper["epochCount"] == 2 and hyper["learningRateMultiplier"] == 0.5
    assert hyper.get("beta") == settings.get("beta")
    assert job.tuning["exportLastCheckpointOnly"] and "validation" in job.tuning["validationDatasetUri"]
    assert job.request["labels"] == {"srl-key": job_spec().key}
    assert job.request["tunedModelDisplayName"] == f"buildings-{job_spec().key}"


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_submission_whose_connection_breaks_begins_one_job(
    cut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = job_spec()
    with vertex(tmp_path, monkeypatch, cut={CREATE: [cut]}) as (server, adapter):
        files = uploaded(adapter, spec)
        with pytest.raises(TransientError) as broken:
            adapter.submit(spec, files)
        job = adapter.submit(spec, files)
        assert adapter.submit(spec, files) == adapter.find(spec.key) == job
        assert adapter.find("srl-another") is None
    assert broken.value.billed == "unknown"
    assert [j.name for j in server.jobs] == [job]


def test_a_job_is_found_on_a_later_page_also_when_it_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch, page_size=2) as (server, adapter):
        jobs = [begun(adapter, key=f"srl-{n}") for n in range(5)]
        adapter.cancel(jobs[0])
        looked(adapter, jobs[0])
        assert adapter.find("srl-0") == jobs[0]
    assert len(server.jobs) == 5


def test_a_file_that_was_deleted_is_told_apart_and_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = job_spec()
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        files = uploaded(adapter, spec)
        server.storage.delete(files["validation"])
        with pytest.raises(FileGone, match="validation"):
            adapter.submit(spec, files)
        assert server.jobs == []
        adapter.submit(spec, uploaded(adapter, spec))
    assert len(server.jobs) == 1


def test_a_file_that_is_deleted_at_the_last_moment_is_told_apart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deleting(self: VertexServer, request: Request, operation: str, body: Any, work: Work) -> Response:
        if operation == CREATE:
            self.storage.objects.clear()
        return await exchange(self, request, operation, body, work)

    exchange = VertexServer.exchange
    monkeypatch.setattr(VertexServer, "exchange", deleting)
    spec = job_spec()
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        files = uploaded(adapter, spec)
        with pytest.raises(FileGone):
            adapter.submit(spec, files)
    assert server.jobs == []


def test_a_job_whose_file_is_gone_when_it_begins_to_run_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = job_spec()
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        files = uploaded(adapter, spec)
        job = adapter.submit(spec, files)
        server.storage.delete(files["train"])
        last = looked(adapter, job)[-1]
    assert last.state == "failed" and "does not exist" in last.problem
    assert last.trained_tokens == 0 and not any(e.billed for e in read_log(server.log.file))


def test_a_job_that_fails_says_why_and_what_it_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch, life=FAILS, failure="Loss is not a number.") as (server, adapter):
        last = looked(adapter, begun(adapter))[-1]
    assert (last.state, last.problem, last.model) == ("failed", "Loss is not a number.", "")
    assert last.trained_tokens == server.jobs[0].billed_tokens > 0


def test_a_job_is_cancelled_and_one_that_has_ended_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (_, adapter):
        first, second = begun(adapter), begun(adapter, key="srl-second")
        adapter.cancel(first)
        adapter.cancel(first)
        ended = looked(adapter, first)[-1]
        adapter.cancel(first)
        looked(adapter, second)
        adapter.cancel(second)
        assert adapter.look(first).state == ended.state == "cancelled"
        assert adapter.look(second).state == "succeeded"
    assert ended.trained_tokens == 0 and "cancelled" in ended.problem


def test_a_job_that_the_vendor_lost_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        job = begun(adapter)
        server.lose(job)
        with pytest.raises(JobGone, match=job):
            adapter.look(job)
        with pytest.raises(JobGone, match=job):
            adapter.cancel(job)
        assert adapter.find(job_spec().key) is None


def test_a_slow_job_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch, looks_a_step=3) as (_, adapter):
        states = [s.state for s in looked(adapter, begun(adapter))]
    assert states == [*["queued"] * 5, *["running"] * 3, "succeeded"]


def test_a_model_is_not_served_before_it_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch, looks_to_deploy=1) as (_, adapter):
        model = looked(adapter, begun(adapter))[-1].model
        with pytest.raises(TransientError, match="not deployed"):
            adapter.serve(model, "k")
        assert adapter.serve(model, "k") == model
        with pytest.raises(PermanentError, match="404"):
            adapter.serve(model + "9", "k")


def test_faults_of_the_server_are_worth_another_try_and_are_not_tried_by_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = FaultPlan([Fault("rate_limit", retry_after="7"), "server_error", "overloaded", "malformed_json"])
    with vertex(tmp_path, monkeypatch, faults=faults) as (server, adapter):
        with pytest.raises(RateLimitError) as limited:
            adapter.find("k")
        for _ in range(3):
            with pytest.raises(TransientError):
                adapter.find("k")
        assert adapter.find("k") is None
    assert limited.value.retry_after == 7
    assert [e.status for e in read_log(server.log.file)] == [429, 500, 503, 200, 200]
    assert server.invalid == []


def test_a_training_file_that_is_malformed_is_refused_in_the_vendors_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        file = adapter.files(examples(), job_spec())[0]
        address = adapter.upload(file.model_copy(update={"content": b'{"contents": []}\n'}))
        with pytest.raises(PermanentError, match=r"400: Row: 0\."):
            adapter.submit(job_spec(), {"train": address})
    assert server.jobs == []
