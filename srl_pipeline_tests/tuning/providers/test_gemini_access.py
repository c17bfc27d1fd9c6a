"""Gemini on Vertex AI: credentials, places, and what is not offered."""

from __future__ import annotations

import stat
import warnings
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import PermanentError, TransientError
from srl_pipeline.tuning.providers.gemini import GeminiTuning
from srl_pipeline_tests.tuning.providers.vertex_cases import (
    begun,
    examples,
    job_spec,
    tuner,
    uploaded,
    vertex,
    vertex_entry,
)
from srl_pipeline_tests.vendors import read_log

pytestmark = pytest.mark.chain


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "reinforcement"}, "'reinforcement' is not offered here"),
        ({"batch_size": 4}, "chooses the batch size"),
        ({"beta": 0.1}, "setting of the method 'preference'"),
    ],
)
def test_what_is_not_offered_is_refused_before_anything_is_sent(
    settings: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        with pytest.raises(PermanentError, match=said):
            adapter.files(examples(), job_spec(**settings))
        with pytest.raises(PermanentError, match=said):
            adapter.submit(job_spec(**settings), {"train": "gs://tuning-data/x"})
    assert read_log(server.log.file) == []


def test_the_account_authenticates_with_a_signed_statement_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        begun(adapter)
        assert stat.S_IMODE((tmp_path / "account.json").stat().st_mode) == 0o600
        (token,) = server.tokens.tokens  # one token serves jobs and files
        server.tokens.tokens.clear()
        for ask in (lambda: adapter.find("k"), lambda: uploaded(adapter, job_spec())):
            with pytest.raises(PermanentError, match=r"401|does not take the token") as refused:
                ask()
            assert token not in str(refused.value)


def test_a_forged_key_is_refused_and_neither_key_nor_statement_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, _):
        file = server.write_key(tmp_path, forged=True)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        adapter = GeminiTuning(vertex_entry(None), tuner(server.origin))
        with pytest.raises(PermanentError, match="invalid_grant") as refused:
            adapter.find("k")
        adapter.close()
    told = f"{refused.value} {refused.value.mend} {refused.value.__cause__}"
    assert "GOOGLE_APPLICATION_CREDENTIALS" in told and "[key]" in told
    assert "eyJ" not in told and "PRIVATE" not in told
    assert read_log(server.log.file) == []


@pytest.mark.parametrize(
    ("content", "said"), [("{}", "type"), ('{"type": "service_account", "private_key": "secret-1"}', "Failed to load")]
)
def test_credentials_that_cannot_be_read_are_told_without_their_content(
    content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.json").write_text(content, encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "bad.json"))
    with pytest.raises(TeacherError, match=said) as refused:
        GeminiTuning(vertex_entry(None), tuner("http://127.0.0.1:1"))
    assert "secret-1" not in str(refused.value)


def test_a_token_endpoint_that_cannot_be_reached_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (server, _):
        file = server.tokens.write_key(tmp_path / "..", "http://127.0.0.1:1/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        adapter = GeminiTuning(vertex_entry(None), tuner(server.origin))
        with pytest.raises(TransientError, match="cannot be reached"):
            adapter.find("k")
        adapter.close()


def test_the_sdks_word_that_tuning_is_experimental_is_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch) as (_, adapter), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begun(adapter)
    assert not [w for w in caught if "experimental" in str(w.message)]


def test_a_region_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TeacherError, match="region") as refused:
        GeminiTuning(vertex_entry(None), tuner(None, region="evil.example/x"))
    assert "tuning.yaml" in str(refused.value)
