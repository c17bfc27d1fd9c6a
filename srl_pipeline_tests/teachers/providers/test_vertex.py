"""A teacher on Vertex AI: the cloud's credentials, a model of Google's or a tuned one at its endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import PermanentError, Reply, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline.teachers.providers.vertex import vertex_address
from srl_pipeline_tests.teachers.providers.cases import entry, model_call
from srl_pipeline_tests.tuning.providers.vertex_cases import examples, job_spec, vertex
from srl_pipeline_tests.vendors import FaultPlan, ScriptedBrain, read_log
from srl_pipeline_tests.vendors.vertex_server import ASK_ENDPOINT, ASK_MODEL, PROJECT, REGION, VertexServer

PLACE = {"project": PROJECT, "region": REGION, "api_key_env": None}


def on_vertex(endpoint: str | None, **settings: object) -> TeacherEntry:
    return entry("gemini", endpoint, **PLACE | settings)


def ask(server: VertexServer, model: str) -> Reply:
    backend = make_backend(on_vertex(server.url, model=model))
    try:
        return backend.complete(model_call(model=model), timeout=10, idempotency_key="k")
    finally:
        backend.close()


def test_a_model_of_googles_is_asked_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch, answer=ScriptedBrain(['{"a": 1}'])) as (server, _):
        reply = ask(server, "gemini-1")
    assert reply.text == '{"a": 1}' and reply.stop == "end" and reply.usage.input_tokens > 20
    (asked,) = read_log(server.log.file)
    assert (asked.operation, asked.billed) == (ASK_MODEL, True) and server.invalid == []
    assert "granite" in str(server.received[-1].body)  # the schema is sent as to the other address


def test_a_tuned_model_is_asked_at_its_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = job_spec()
    script = {"answer": ScriptedBrain(["plain"]), "tuned_answer": ScriptedBrain(["tuned"])}
    with vertex(tmp_path, monkeypatch, **script) as (server, adapter):
        job = adapter.submit(spec, {f.split: adapter.upload(f) for f in adapter.files(examples(), spec)})
        while not (state := adapter.look(job)).model:
            pass
        reply = ask(server, adapter.serve(state.model, spec.key))
    assert reply.text == "tuned" and reply.model == state.model
    assert read_log(server.log.file)[-1].operation == ASK_ENDPOINT and server.invalid == []


def test_the_account_authenticates_and_a_refused_token_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, _):
        backend = make_backend(on_vertex(server.url))
        backend.complete(model_call(), timeout=10, idempotency_key="k")
        (token,) = server.tokens.tokens
        server.tokens.tokens.clear()
        with pytest.raises(PermanentError, match=r"401: .*\[key\]") as refused:
            backend.complete(model_call(), timeout=10, idempotency_key="k")
        backend.close()
    assert token not in str(refused.value) and "GOOGLE_APPLICATION_CREDENTIALS" in refused.value.mend


def test_a_failed_call_is_not_repeated_by_the_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = FaultPlan(["overloaded"])
    with vertex(tmp_path, monkeypatch, faults=faults) as (server, _), pytest.raises(TransientError):
        ask(server, "gemini-1")
    assert len(read_log(server.log.file)) == 1


def test_variables_of_the_environment_redirect_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "elsewhere")
    monkeypatch.setenv("GEMINI_API_KEY", "another-key")
    with vertex(tmp_path, monkeypatch) as (server, _):
        ask(server, "gemini-1")
    assert "another-key" not in str(server.received[-1].headers)


def test_missing_credentials_are_told_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(TeacherError, match=r"nothing\.json was not found") as refused:
        make_backend(on_vertex(None))
    assert "gcloud auth" in refused.value.mend


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_region_has_its_address(region: str, host: str) -> None:
    assert vertex_address(on_vertex(None, region=region)) == f"https://{host}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"region": None}, "given together"),
        ({"project": None}, "given together"),
        ({"api_key_env": "SOME_KEY"}, "remove 'api_key_env'"),
        ({"region": "evil.example/x"}, "region"),
        ({"kind": "openai"}, "settings of the kind gemini"),
    ],
)
def test_an_entry_says_the_whole_place_or_none(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TeacherEntry.model_validate(on_vertex(None).model_dump() | settings)


def test_the_place_counts_for_the_version_and_its_absence_does_not() -> None:
    plain = entry("gemini", None)
    here, there = on_vertex(None), on_vertex(None, region="us-central1")
    assert len({plain.identity, here.identity, there.identity}) == 3
    assert plain.identity == entry("gemini", None, api_key_env="ANOTHER").identity
