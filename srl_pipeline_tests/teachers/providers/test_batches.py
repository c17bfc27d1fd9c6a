"""Batches of both vendors that offer them, through their SDKs against their servers."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import CallError, PermanentError, RateLimitError, Reply, TransientError
from srl_pipeline.teachers.providers import make_batch_backend
from srl_pipeline_tests.teachers.providers.cases import KEY, entry, model_call, server
from srl_pipeline_tests.vendors import Fault, FaultPlan, OpenAIServer, ScriptedBrain, read_log

CALLS = [model_call(sample=n) for n in range(4)]


@pytest.fixture(params=["openai", "anthropic"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_each_call_has_its_answer_under_its_key(kind: str, tmp_path: Path) -> None:
    brain = ScriptedBrain([f'{{"n": {n}}}' for n in range(4)])
    with server(kind, tmp_path, answer=brain) as running:
        batches = make_batch_backend(entry(kind, running.url))
        outcomes = batches.collect(batches.submit(CALLS, tag="t-1"))
        batches.close()
    assert outcomes is not None
    replies = [outcomes[call.key] for call in CALLS]
    assert all(isinstance(r, Reply) and r.stop == "end" and r.usage.input_tokens > 0 for r in replies)
    assert [r.text for r in replies if isinstance(r, Reply)] == [f'{{"n": {n}}}' for n in range(4)]
    assert running.invalid == []
    lines = [e for e in read_log(running.log.file) if e.custom_id]
    assert [e.billed for e in lines] == [True] * 4


def test_a_batch_at_work_has_no_outcomes_yet(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, batch_seconds=0.4) as running:
        batches = make_batch_backend(entry(kind, running.url))
        batch_id = batches.submit(CALLS, tag="t")
        assert batches.collect(batch_id) is None
        time.sleep(0.5)
        outcomes = batches.collect(batch_id)
    assert outcomes is not None and len(outcomes) == 4


def test_a_batch_whose_id_was_lost_is_found_by_its_tag(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan(["truncated"])) as running:
        batches = make_batch_backend(entry(kind, running.url))
        with pytest.raises(TransientError) as lost:
            batches.submit(CALLS, tag="the lost one")
        batches.submit(CALLS[:1], tag="another")
        after_a_crash = make_batch_backend(entry(kind, running.url))
        found = after_a_crash.find("the lost one")
        assert found is not None
        outcomes = after_a_crash.collect(found)
    assert lost.value.billed == "unknown"
    assert outcomes is not None and set(outcomes) == {call.key for call in CALLS}
    assert len([e for e in read_log(running.log.file) if e.custom_id]) == 5


def test_a_tag_that_was_never_handed_in_is_not_found(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running:
        batches = make_batch_backend(entry(kind, running.url))
        assert batches.find("t") is None
        batches.submit(CALLS, tag="t-1")
        assert make_batch_backend(entry(kind, running.url)).find("t") is None


def test_openai_finds_a_tag_on_a_later_page(tmp_path: Path) -> None:
    with OpenAIServer(tmp_path / "log.jsonl") as running:
        first = make_batch_backend(entry("openai", running.url)).submit(CALLS[:1], tag="first")
        (batch,) = running.shelf.batches
        running.shelf.batches[:0] = [replace(batch, id=f"batch_{n}", metadata={}) for n in range(150)]
        assert make_batch_backend(entry("openai", running.url)).find("first") == first
    assert running.invalid == []


def test_anthropic_does_not_say_no_while_a_batch_may_be_the_one(tmp_path: Path) -> None:
    with server("anthropic", tmp_path, batch_seconds=0.4) as running:
        own = make_batch_backend(entry("anthropic", running.url))
        batch_id = own.submit(CALLS, tag="t")
        assert own.find("t") == batch_id and own.find("other") is None
        stranger = make_batch_backend(entry("anthropic", running.url))
        with pytest.raises(TransientError, match=batch_id):
            stranger.find("other")
        time.sleep(0.5)
        assert stranger.find("other") is None and stranger.find("t") == batch_id


def test_openai_finds_a_batch_while_it_is_at_work(tmp_path: Path) -> None:
    with server("openai", tmp_path, batch_seconds=60) as running:
        batch_id = make_batch_backend(entry("openai", running.url)).submit(CALLS, tag="t")
        assert make_batch_backend(entry("openai", running.url)).find("t") == batch_id


@pytest.mark.parametrize(
    ("fault", "error"), [("rate_limit", RateLimitError), ("server_error", TransientError), ("expired", TransientError)]
)
def test_a_call_that_failed_in_a_batch_says_so(kind: str, fault: str, error: type[CallError], tmp_path: Path) -> None:
    with server(kind, tmp_path, line_faults=FaultPlan([None, Fault(fault)])) as running:  # type: ignore[arg-type]
        batches = make_batch_backend(entry(kind, running.url))
        outcomes = batches.collect(batches.submit(CALLS, tag="t"))
    assert outcomes is not None
    failed = outcomes[CALLS[1].key]
    assert type(failed) is error and failed.billed == "no"
    assert sum(isinstance(o, Reply) for o in outcomes.values()) == 3
    assert running.invalid == []


def test_a_call_that_the_vendor_does_not_take_is_permanent(kind: str, tmp_path: Path) -> None:
    bad = model_call(temperature=9.0)
    with server(kind, tmp_path) as running:
        batches = make_batch_backend(entry(kind, running.url))
        if kind == "openai":
            outcomes = batches.collect(batches.submit([bad, CALLS[0]], tag="t"))
            assert outcomes is not None and isinstance(outcomes[bad.key], PermanentError)
            assert isinstance(outcomes[CALLS[0].key], Reply)
        else:
            with pytest.raises(PermanentError):
                batches.submit([bad, CALLS[0]], tag="t")


@pytest.mark.parametrize("fault", ["rate_limit", "server_error"])
def test_a_batch_that_was_not_taken_in_is_not_found(kind: str, fault: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan([Fault(fault)])) as running:  # type: ignore[arg-type]
        batches = make_batch_backend(entry(kind, running.url))
        with pytest.raises(TransientError) as refused:
            batches.submit(CALLS, tag="t")
        assert refused.value.billed == "no" and batches.find("t") is None


def test_a_wrong_key_shows_nowhere(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running:
        running.key = "another"
        batches = make_batch_backend(entry(kind, running.url))
        for ask in (
            lambda: batches.submit(CALLS, tag="t"),
            lambda: batches.find("t"),
            lambda: batches.collect("batch_1"),
        ):
            with pytest.raises(PermanentError) as caught:
                ask()
            assert KEY not in str(caught.value) and caught.value.__context__ is None


def test_an_unknown_batch_is_a_permanent_error(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running, pytest.raises(PermanentError):
        make_batch_backend(entry(kind, running.url)).collect("batch_gone")


def test_an_empty_batch_is_refused(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running, pytest.raises(PermanentError, match="0 calls"):
        make_batch_backend(entry(kind, running.url)).submit([], tag="t")


def test_gemini_offers_no_batches_here() -> None:
    with pytest.raises(TeacherError, match="no batch endpoint"):
        make_batch_backend(entry("gemini", "http://127.0.0.1:1"))
