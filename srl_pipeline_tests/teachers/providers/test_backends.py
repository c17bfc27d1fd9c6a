"""What the three vendors' backends have in common, each through its SDK against its server."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from srl_pipeline.teachers.calls.records import Reply
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline_tests.teachers.providers.cases import KEY, SCHEMA, entry, model_call, server
from srl_pipeline_tests.vendors import FaultPlan, Meter, ScriptedBrain, read_log
from srl_pipeline_tests.vendors.server import VendorServer


def ask(kind: str, running: VendorServer, *, key: str = "k-1", timeout: float = 10.0, **changes: object) -> Reply:
    backend = make_backend(entry(kind, running.url))
    try:
        return backend.complete(model_call(**changes), timeout=timeout, idempotency_key=key)
    finally:
        backend.close()


def test_an_answer_keeps_to_the_schema_that_was_asked_for(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running:
        reply = ask(kind, running)
    answer = json.loads(reply.text)
    assert running.invalid == []
    assert reply.stop == "end" and reply.model == "model-1" and reply.request_id
    assert answer["action"]["stone"] == "granite"
    types_alone = Draft202012Validator({**SCHEMA, "properties": {"action": {"type": "object"}, "reasoning": {}}})
    assert types_alone.is_valid(answer)


def test_the_prompt_arrives_whole_and_in_order(kind: str, tmp_path: Path) -> None:
    seen: list[str] = []

    def brain(prompt: str, schema: object, request: object) -> str:
        seen.append(prompt)
        return "{}"

    with server(kind, tmp_path, answer=brain) as running:
        ask(kind, running)
    call = model_call()
    assert seen == ["\n\n".join([call.system, *(message.content for message in call.messages)])]


def test_tokens_are_counted_with_cached_input_and_hidden_reasoning(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, meter=Meter(cached_share=0.5, thinking=40)) as running:
        reply = ask(kind, running)
    (billed,) = read_log(running.log.file)
    assert reply.usage.input_tokens == billed.input_tokens > 20
    assert reply.usage.cached_input_tokens == billed.input_tokens // 2
    assert reply.usage.output_tokens == billed.output_tokens > 40


def test_the_idempotency_key_travels_with_the_call(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, honours_idempotency=True) as running:
        first = ask(kind, running, key="same")
        second = ask(kind, running, key="same")
        ask(kind, running, key="other")
    assert first.text == second.text
    entries = read_log(running.log.file)
    assert [(e.idempotency_key, e.billed, e.replayed) for e in entries] == [
        ("same", True, False),
        ("same", False, True),
        ("other", True, False),
    ]


def test_a_repeated_key_waits_for_its_first_call_and_is_billed_once(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, honours_idempotency=True, latency=0.3) as running:
        threads = [threading.Thread(target=ask, args=(kind, running)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [e.billed for e in read_log(running.log.file)] == [True, False]


def test_an_answer_that_reached_its_limit_says_so(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, answer=ScriptedBrain(["x" * 500])) as running:
        reply = ask(kind, running, max_tokens=20)
    assert reply.stop == "length" and len(reply.text) < 100


def test_a_refusal_is_an_answer_that_costs(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan(["refusal"])) as running:
        reply = ask(kind, running)
    assert reply.stop == "refusal" and reply.usage.input_tokens > 0
    assert running.invalid == []


def test_an_answer_of_another_shape_comes_back_as_it_is(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan(["wrong_schema"])) as running:
        assert ask(kind, running).text == '{"unexpected": true}'


@pytest.mark.parametrize("structured", ["none", "json_object", "json_schema"])
def test_the_answer_is_held_to_what_the_entry_says(kind: str, structured: str, tmp_path: Path) -> None:
    if (kind, structured) == ("anthropic", "json_object"):
        pytest.skip("refused when the backend is made")
    with server(kind, tmp_path) as running:
        backend = make_backend(entry(kind, running.url, structured=structured))
        backend.complete(model_call(), timeout=10, idempotency_key="k")
        backend.close()
    sent = json.dumps(running.received[-1].body)
    assert running.invalid == []
    assert ("granite" in sent) == (structured == "json_schema")
    assert ("json_object" in sent or "application/json" in sent or "json_schema" in sent) == (structured != "none")


def test_a_temperature_is_sent_only_where_one_is_set(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running:
        ask(kind, running)
        ask(kind, running, temperature=0.7)
    without, with_one = (json.dumps(r.body) for r in running.received)
    assert "temperature" not in without and '"temperature": 0.7' in with_one
    assert running.invalid == []


def test_a_call_without_a_system_prompt_or_schema_is_valid(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running:
        assert ask(kind, running, system="", answer_schema=None).text == "{}"
    assert running.invalid == []


def test_many_threads_share_a_backend(kind: str, tmp_path: Path) -> None:
    replies: list[Reply] = []
    with server(kind, tmp_path, latency=0.1) as running:
        backend = make_backend(entry(kind, running.url))

        def one(n: int) -> None:
            replies.append(backend.complete(model_call(sample=n), timeout=10, idempotency_key=str(n)))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        backend.close()
    assert len(replies) == 16 and running.invalid == []


def test_variables_of_the_environment_redirect_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "another-key")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    with server(kind, tmp_path) as running:
        ask(kind, running)
    sent = running.received[-1].headers
    assert any(KEY in value for value in sent.values())
    assert "another-key" not in str(sent)
