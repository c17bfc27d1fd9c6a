"""The servers themselves: they turn away what the specifications do not allow, and say so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV, SERVERS, entry, model_call, server
from srl_pipeline_tests.vendors import FaultPlan, read_log
from srl_pipeline_tests.vendors.brain import minimal_instance
from srl_pipeline_tests.vendors.specification import google_discovery, openapi

PATHS = {"openai": "/chat/completions", "anthropic": "/v1/messages", "gemini": "/v1beta/models/m:generateContent"}


def post(url: str, body: bytes) -> int:
    headers = {"Authorization": f"Bearer {KEY}", "x-goog-api-key": KEY, "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("kind", sorted(SERVERS))
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"modle": "m"}'])
def test_a_request_that_breaks_the_specification_is_turned_away_and_remembered(
    kind: str, body: bytes, tmp_path: Path
) -> None:
    with server(kind, tmp_path) as running:
        assert post(running.url + PATHS[kind], body) == 400
    assert len(running.invalid) == 1 and read_log(running.log.file) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("openai", b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "max_token": 3}'),
        ("openai", b'{"model": "m", "messages": [{"role": "robot", "content": "x"}]}'),
        ("anthropic", b'{"model": "m", "max_tokens": 5, "messages": [{"role": "robot", "content": "x"}]}'),
        ("anthropic", b'{"model": "m", "max_tokens": 5, "messages": [], "temperature": 1.5}'),
        ("gemini", b'{"contents": [{"parts": [{"txt": "x"}]}]}'),
        ("gemini", b'{"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"max_tokens": 3}}'),
    ],
)
def test_an_unknown_field_or_value_is_turned_away(kind: str, body: bytes, tmp_path: Path) -> None:
    with server(kind, tmp_path) as running:
        assert post(running.url + PATHS[kind], body) == 400


def test_an_answer_that_breaks_the_specification_is_noticed() -> None:
    assert openapi("openai").answer_error("post /chat/completions", 200, {"id": 3}) is not None
    assert openapi("anthropic").answer_error("post /v1/messages", 200, {"type": "message"}) is not None
    wrong = {"candidates": [{"finishReason": "DONE"}]}
    assert google_discovery("gemini").answer_error("models.generateContent", 200, wrong) is not None
    assert google_discovery("vertex").answer_error("tuningJobs.get", 200, {"state": "DONE"}) is not None
    assert google_discovery("storage").answer_error("objects.get", 200, {"size": 3}) is not None


def test_a_brain_that_raises_is_reported_and_not_taken_for_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)

    def brain(prompt: str, schema: object, request: object) -> str:
        raise RuntimeError("no idea")

    with server("openai", tmp_path, answer=brain) as running:
        post(running.url + PATHS["openai"], b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}')
    assert "no idea" in running.invalid[0]


def test_chances_of_faults_are_the_same_for_the_same_seed() -> None:
    def kinds(seed: int) -> list[str | None]:
        plan = FaultPlan.parse("rate_limit=0.2,slow=0.1", seed)
        return [fault.kind if (fault := plan.next()) else None for _ in range(1000)]

    assert kinds(3) == kinds(3) != kinds(4)
    assert 150 < kinds(3).count("rate_limit") < 250 and 60 < kinds(3).count("slow") < 140
    with pytest.raises(ValueError, match="unknown faults: sloow"):
        FaultPlan.parse("sloow=0.1", 0)


def test_a_minimal_instance_keeps_to_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "words": {"type": "array", "items": {"enum": ["b", "a"]}, "minItems": 1},
            "number": {"type": "number", "minimum": 2.5},
            "either": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        },
        "required": ["either", "number", "words"],
    }
    assert minimal_instance(schema) == {"either": False, "number": 2.5, "words": ["b"]}


def test_a_server_runs_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "srl_pipeline_tests.vendors.serve", "--vendor", "openai", "--log", str(log)]
    options = ["--faults", "ok,rate_limit", "--honours-idempotency", "--key", KEY]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            backend = make_backend(entry("openai", process.stdout.readline().strip()))
            backend.complete(model_call(), timeout=30, idempotency_key="k")
            backend.complete(model_call(), timeout=30, idempotency_key="k")
            backend.close()
        finally:
            process.send_signal(signal.SIGTERM)
    assert [(e.billed, e.replayed) for e in read_log(log)] == [(True, False), (False, True)]


def test_a_wrong_key_is_told_back_like_vendors_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, "another")
    with server("openai", tmp_path) as running, pytest.raises(PermanentError, match=r"provided: \[key\]"):
        make_backend(entry("openai", running.url)).complete(model_call(), timeout=9, idempotency_key="k")
