"""Gemini on Vertex AI: data sets in its format, put into Cloud Storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.teachers.calls.records import PermanentError, TransientError
from srl_pipeline_tests.tuning.providers.vertex_cases import (
    examples,
    job_spec,
    vertex,
)
from srl_pipeline_tests.vendors import FaultPlan, read_log

pytestmark = pytest.mark.chain


def test_supervised_examples_are_conversations_that_end_with_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (_, adapter):
        train, validation = adapter.files(examples(12, 3), job_spec())
    rows = [json.loads(row) for row in train.content.splitlines()]
    assert (len(rows), validation.content.count(b"\n")) == (12, 3)
    assert [turn["role"] for turn in rows[0]["contents"]] == ["user", "model", "user", "model"]
    assert rows[0]["contents"][-1]["parts"] == [{"text": examples()[0].answer}]
    assert rows[0]["systemInstruction"]["parts"] == [{"text": examples()[0].system}]


def test_preference_examples_hold_the_answer_and_the_rejected_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = job_spec(method="preference")
    with vertex(tmp_path, monkeypatch) as (_, adapter):
        train, _ = adapter.files(examples(12, 3), spec)
        with pytest.raises(PermanentError, match="no example to train on"):
            adapter.files(examples(1, 3), spec)  # the first has no rejected answer
    rows = [json.loads(row) for row in train.content.splitlines()]
    assert len(rows) == 11 and rows[0]["contents"][-1]["role"] == "user"
    texts = {pair["score"]: pair["completion"]["parts"][0]["text"] for pair in rows[0]["completions"]}
    assert texts == {1: examples()[1].answer, 0: examples()[1].rejected}


def test_equal_examples_are_equal_files_and_others_have_other_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch) as (_, adapter):
        first, again = adapter.files(examples(), job_spec()), adapter.files(examples(), job_spec(key="other"))
        more = adapter.files(examples(13), job_spec())
    assert first == again
    assert {f.name for f in first}.isdisjoint(f.name for f in more)
    assert first[0].name.endswith(".jsonl")


def test_a_file_is_sent_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        file = adapter.files(examples(), job_spec())[0]
        assert adapter.upload(file) == adapter.upload(file) == f"gs://tuning-data/srl-tuning/{file.name}"
    assert [e.status for e in read_log(server.log.file) if e.operation == "objects.insert"] == [200]
    assert server.storage.objects[f"srl-tuning/{file.name}"].content == file.content


def test_a_large_file_goes_up_by_a_resumable_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        file = adapter.files(examples(), job_spec())[0].model_copy(update={"content": b"x" * 9_000_000})
        assert adapter.upload(file) == adapter.upload(file)
    assert len(server.storage.objects[f"srl-tuning/{file.name}"].content) == 9_000_000
    assert server.invalid == []


def test_another_content_of_that_name_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vertex(tmp_path, monkeypatch) as (server, adapter):
        file = adapter.files(examples(), job_spec())[0]
        adapter.upload(file.model_copy(update={"content": b"x" * len(file.content)}))
        with pytest.raises(PermanentError, match="not what was to be put there") as refused:
            adapter.upload(file)
    assert "Delete that object" in refused.value.mend
    assert server.storage.objects[f"srl-tuning/{file.name}"].content.startswith(b"xxx")


@pytest.mark.parametrize("cut", ["before", "after"])
def test_an_upload_whose_connection_breaks_is_repeated_safely(
    cut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch, cut={"objects.insert": [cut]}) as (server, adapter):
        file = adapter.files(examples(), job_spec())[0]
        with pytest.raises(TransientError, match="connection to Cloud Storage broke"):
            adapter.upload(file)
        adapter.upload(file)
    inserts = [e for e in read_log(server.log.file) if e.operation == "objects.insert"]
    assert len(inserts) == 1 and len(server.storage.objects) == 1


@pytest.mark.parametrize("kind", ["rate_limit", "server_error"])
def test_faults_of_cloud_storage_are_worth_another_try_too(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertex(tmp_path, monkeypatch, faults=FaultPlan([kind])) as (server, adapter):
        file = adapter.files(examples(), job_spec())[0]
        with pytest.raises(TransientError):
            adapter.upload(file)
        adapter.upload(file)
    assert [e.operation for e in read_log(server.log.file)] == ["objects.get", "objects.get", "objects.insert"]
    assert server.invalid == []
