"""What is sent where: addresses, keys, the name of the token limit, schemas that each vendor takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline.teachers.providers.credentials import Credential, credential_of, endpoint_of
from srl_pipeline.teachers.providers.openai import chat_request
from srl_pipeline.teachers.providers.schemas import GEMINI, OPENAI_STRICT, decodable
from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV, SCHEMA, entry, model_call
from srl_pipeline_tests.vendors.openai_server import CHAT
from srl_pipeline_tests.vendors.specification import openapi


@pytest.mark.parametrize(
    ("endpoint", "word"),
    [
        (None, "max_completion_tokens"),
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://mine.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
        ("http://127.0.0.1:8000/v1", "max_tokens"),
    ],
)
def test_the_token_limit_has_the_name_that_the_host_knows(endpoint: str | None, word: str) -> None:
    request = chat_request(entry("openai", endpoint), model_call())
    assert request[word] == 200
    assert len({"max_tokens", "max_completion_tokens"} & set(request)) == 1
    assert openapi("openai").request_error(CHAT, request) is None


def test_what_strict_mode_does_not_know_moves_into_the_description() -> None:
    schema = decodable(SCHEMA, OPENAI_STRICT)
    action = schema["properties"]["action"]["properties"]
    assert action["rooms"]["description"] == "uniqueItems: true" and action["rooms"]["maxItems"] == 2
    assert action["stone"] == {"enum": ["granite", "flint"], "type": "string"}
    assert action["storeys"] == {"type": "integer", "minimum": 1, "maximum": 3, "multipleOf": 1}
    assert schema["properties"]["reasoning"] == {"type": "string", "description": "maxLength: 400"}
    assert set(schema["properties"]["action"]["required"]) == set(action)
    assert list(schema["properties"]) == ["reasoning", "action"], "the model reasons before it acts"


def test_gemini_is_told_of_steps_in_words() -> None:
    storeys = decodable(SCHEMA, GEMINI)["properties"]["action"]["properties"]["storeys"]
    assert storeys == {"type": "integer", "minimum": 1, "maximum": 3, "description": "multipleOf: 1"}


def test_a_description_of_its_own_is_kept() -> None:
    schema = decodable({"type": "string", "description": "A name.", "minLength": 2}, OPENAI_STRICT)
    assert schema["description"] == "A name. (minLength: 2)"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://api.example.org/v1",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "http://localhost:8000/v1",
        "http://10.1.2.3/v1",
        "http://vllm:8000/v1",
        "http://models.team.svc.cluster.local/v1",
    ],
)
def test_an_endpoint_that_is_private_or_encrypted_is_taken(endpoint: str) -> None:
    assert endpoint_of(entry("openai", endpoint), "unused") == endpoint


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("http://api.example.org/v1", "in the clear"),
        ("http://8.8.8.8/v1", "in the clear"),
        ("https://user:secret@host/v1", "user or password"),
        ("http://user:secret@127.0.0.1/v1", "user or password"),
        ("ftp://host/v1", "no http"),
        ("file:///etc/passwd", "no http"),
        ("api.example.org", "no http"),
        ("https://", "no http"),
        ("https://host:99999/v1", "no http"),
        ("https://host/v1?key=secret", "query"),
    ],
)
def test_an_endpoint_that_would_leak_is_refused(endpoint: str, why: str) -> None:
    with pytest.raises(TeacherError, match=why) as caught:
        make_backend(entry("openai", endpoint))
    assert "secret" not in str(caught.value)


def test_a_missing_key_names_its_variable(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_ENV)
    with pytest.raises(TeacherError, match=f"{KEY_ENV} is not set"):
        make_backend(entry(kind, None))


def test_a_vendors_own_endpoint_needs_a_key(kind: str) -> None:
    with pytest.raises(TeacherError, match="no variable is named"):
        make_backend(entry(kind, None, api_key_env=None))


def test_an_endpoint_of_ones_own_needs_none(kind: str) -> None:
    make_backend(entry(kind, "http://127.0.0.1:9", api_key_env=None)).close()


@pytest.mark.parametrize("value", ["two\nlines", "spaced out", "schlüssel"])
def test_what_no_header_may_carry_is_no_key(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, value)
    with pytest.raises(TeacherError, match="no key") as caught:
        credential_of(entry("openai", None))
    assert value not in str(caught.value)


def test_a_credential_does_not_show_its_key() -> None:
    credential = Credential("a/b'c=", "V")
    assert "a/b" not in repr(credential) + str(credential)
    assert credential.scrub("x a/b'c= y a%2Fb%27c%3D") == "x [key] y [key]"
    assert KEY not in repr(credential_of(entry("openai", None)))


@pytest.mark.parametrize("settings", [{"structured": "json_object"}, {"temperature": 1.5}])
def test_anthropic_refuses_settings_that_it_does_not_have(settings: dict[str, object]) -> None:
    with pytest.raises(TeacherError, match="Anthropic"):
        make_backend(entry("anthropic", None, **settings))


def test_the_search_teacher_is_asked_by_no_calls() -> None:
    with pytest.raises(TeacherError, match="no language model"):
        make_backend(TeacherEntry(kind="search"))


def test_no_sdk_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, srl_pipeline.teachers.providers;"
        "print([m for m in ('openai', 'anthropic', 'google.genai', 'torch', 'transformers') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
