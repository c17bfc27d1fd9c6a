"""OpenAI's tuning at a vendor that fails: every operation, every way; no message holds the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.teachers.calls.records import (
    CallError,
    PermanentError,
    RateLimitError,
    TransientError,
)
from srl_pipeline.tuning.providers.openai import OpenAITuning
from srl_pipeline.tuning.records import Split
from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV
from srl_pipeline_tests.tuning.providers.openai_cases import (
    KEYED,
    begin,
    examples,
    spec,
    tuning,
    until_end,
    vendor,
)
from srl_pipeline_tests.vendors import Fault, FaultPlan
from srl_pipeline_tests.vendors.cuts import Cuts
from srl_pipeline_tests.vendors.faults import FaultKind
from srl_pipeline_tests.vendors.openai_tuning import (
    CANCEL,
    EVENTS,
    FILE,
    FILES,
    JOBS,
    LOOK,
    MODEL,
    SUBMIT,
    UPLOAD,
    OpenAITuningServer,
)
from srl_pipeline_tests.vendors.openai_tuning_jobs import JobPlan

pytestmark = pytest.mark.chain


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)


def test_a_broken_list_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    class Broken(OpenAITuningServer):
        def judge(self, operation: str, status: int, body: Any) -> None:
            if operation in (JOBS, FILES):
                body.clear()

    with Broken(tmp_path / "log.jsonl", key=KEY) as server:
        adapter = tuning(server)
        with pytest.raises(TransientError, match="unreadable answer"):
            adapter.find(KEYED)
        with pytest.raises(TransientError, match="unreadable answer"):
            adapter.upload(adapter.files(examples(), spec())[0])
    assert server.files == [] and server.jobs == []


def test_what_a_job_says_never_holds_the_key(tmp_path: Path) -> None:
    plan = JobPlan(ends="failed", error=("oops", f"asked with {KEY}: " + "x" * 400), step=f"Step 1 for {KEY} " * 30)
    with vendor(tmp_path, plans=[plan]) as server:
        adapter = tuning(server)
        states = until_end(adapter, begin(adapter, spec()))
    assert states[-1].problem.startswith("oops: asked with [key]: xxx") and len(states[-1].problem) == 300
    assert states[2].note.startswith("Step 1 for [key] Step 1") and len(states[2].note) == 200
    assert KEY not in "".join(s.model_dump_json() for s in states)


@pytest.mark.parametrize("status", [400, 409])
def test_a_refused_cancel_of_a_job_at_work_is_no_success(status: int, tmp_path: Path) -> None:
    class Busy(OpenAITuningServer):
        async def _cancel(self, request: Any) -> Any:
            from starlette.responses import JSONResponse

            return JSONResponse(self.error_body(status, f"not now, {KEY}"), status)

    with Busy(tmp_path / "log.jsonl", key=KEY) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        with pytest.raises(CallError, match=r"not now, \[key\]"):
            adapter.cancel(job)


def calls(adapter: OpenAITuning, job: str) -> dict[str, Callable[[], object]]:
    """Each operation, by something that asks for it."""
    train, _ = adapter.files(examples(14), spec())
    files: dict[Split, str] = {"train": "file-unknown"}
    return {
        FILES: lambda: adapter.upload(train),
        UPLOAD: lambda: adapter.upload(train),
        JOBS: lambda: adapter.find(KEYED),
        SUBMIT: lambda: adapter.submit(spec(key="srl-new"), files),
        FILE: lambda: adapter.submit(spec(key="srl-new"), files),
        LOOK: lambda: adapter.look(job),
        EVENTS: lambda: adapter.look(job),
        CANCEL: lambda: adapter.cancel(job),
        MODEL: lambda: adapter.serve("gpt-4.1-nano", KEYED),
    }


def test_every_operation_tells_a_rate_limit_and_an_overload_without_the_key(tmp_path: Path) -> None:
    script = [Fault("rate_limit", retry_after="7"), Fault("server_error")]
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        for operation, ask in calls(adapter, job).items():
            server.plan_faults(operation, FaultPlan(script))
            with pytest.raises(RateLimitError) as limited:
                ask()
            assert limited.value.retry_after == 7, operation
            with pytest.raises(TransientError, match="500: planned") as failed:
                ask()
            assert not isinstance(failed.value, RateLimitError)
            for error in (limited.value, failed.value):
                assert KEY not in repr(error) and "[key]" in str(error), operation
                assert error.__cause__ is None and error.__context__ is None, operation


def test_every_operation_survives_a_cut_before_and_after_its_work(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        for operation, ask in calls(adapter, job).items():
            server.cuts = Cuts({operation: ["before", "after"]})
            for _ in range(2):
                with pytest.raises(TransientError, match="the connection to openai broke"):
                    ask()
    assert len(server.jobs) == 1 and len(server.files) == 3


@pytest.mark.parametrize("kind", ["malformed_json", "truncated"])
def test_every_operation_refuses_an_answer_that_it_cannot_read(kind: FaultKind, tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        for operation, ask in calls(adapter, job).items():
            if operation in (SUBMIT, FILE):  # refused: the status alone tells enough
                continue
            server.plan_faults(operation, FaultPlan([kind]))
            with pytest.raises(TransientError):
                ask()


def test_a_job_that_succeeded_without_a_model_is_unreadable(tmp_path: Path) -> None:
    class Silent(OpenAITuningServer):
        def judge(self, operation: str, status: int, body: Any) -> None:
            body["fine_tuned_model"] = None

    with Silent(tmp_path / "log.jsonl", key=KEY) as server:
        adapter = tuning(server)
        job = begin(adapter, spec())
        for _ in range(3):
            adapter.look(job)
        with pytest.raises(TransientError, match="names no model"):
            adapter.look(job)


def test_a_wrong_key_is_told_with_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "sk-wrong-0123456789"
    monkeypatch.setenv(KEY_ENV, wrong)
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        for ask in calls(adapter, "ftjob-1").values():
            with pytest.raises(PermanentError, match=r"401: Incorrect API key provided: \[key\]") as raised:
                ask()
            assert KEY_ENV in raised.value.mend and wrong not in repr(raised.value)
