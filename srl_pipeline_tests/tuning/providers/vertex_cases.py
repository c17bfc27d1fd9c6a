"""Test-only: tuners, jobs and examples for Vertex AI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.teachers.calls.records import Message
from srl_pipeline.teachers.catalog.spec import Price, TeacherEntry, Terms
from srl_pipeline.tuning.providers.gemini import GeminiTuning
from srl_pipeline.tuning.records import GraderItem, JobSpec, JobState, Split, TuningExample
from srl_pipeline.tuning.spec import Tuner, TuningPrice
from srl_pipeline_tests.vendors.vertex_server import BUCKET, PROJECT, REGION, VertexServer

ENDED = ("succeeded", "failed", "cancelled")
PRICE = Price(input=1, output=2, as_of=date(2026, 1, 1))


def vertex_entry(endpoint: str | None, **settings: Any) -> TeacherEntry:
    """A teacher of the Gemini API, or with project and region one on Vertex AI."""
    terms = Terms(training_allowed=True, source="a contract", as_of=date(2026, 1, 1))
    fields: dict[str, Any] = {"kind": "gemini", "model": "gemini-1", "endpoint": endpoint, "price": PRICE}
    return TeacherEntry.model_validate(fields | {"terms": terms} | settings)


def tuner(endpoint: str | None, **settings: Any) -> Tuner:
    """A tuner in the server's project."""
    fields: dict[str, Any] = {
        "provider": "gemini",
        "teacher": "hosted",
        "method": "supervised",
        "endpoint": endpoint,
        "price": TuningPrice(usd_per_million_tokens=3, tuned=PRICE, as_of=date(2026, 1, 1)),
        "project": PROJECT,
        "region": REGION,
        "bucket": BUCKET,
    }
    return Tuner.model_validate(fields | settings)


def job_spec(**settings: Any) -> JobSpec:
    """A job of two epochs."""
    fields: dict[str, Any] = {
        "key": "srl-0123456789abcdef",
        "model": "gemini-1",
        "method": "supervised",
        "name": "buildings",
        "seed": 3,
        "epochs": 2,
        "learning_rate_multiplier": 0.5,
    }
    return JobSpec.model_validate(fields | settings)


def examples(train: int = 12, validation: int = 3) -> list[TuningExample]:
    """Steps with a conversation behind them; all but the first have a rejected answer."""
    return [_example(n, "train" if n < train else "validation") for n in range(train + validation)]


def _example(number: int, split: Split) -> TuningExample:
    return TuningExample(
        id=f"example-{number}",
        trajectory=f"trajectory-{number}",
        split=split,
        system="You design houses. Answer in JSON.",
        messages=[
            Message(role="user", content=f"House {number}. Step 1."),
            Message(role="assistant", content='{"reasoning": "dry", "action": {}}'),
            Message(role="user", content="Step 2: walls…"),
        ],
        answer='{"reasoning": "wet", "action": {"stone": "granite"}}',
        rejected='{"reasoning": "wet", "action": {"stone": "clay"}}' if number else None,
        item=GraderItem(axes={}, facts={}, before={}, step=1),
    )


def uploaded(adapter: GeminiTuning, spec: JobSpec) -> dict[Split, str]:
    """The data set of a job, put up."""
    return {file.split: adapter.upload(file) for file in adapter.files(examples(), spec)}


def begun(adapter: GeminiTuning, **settings: Any) -> str:
    """A job that was submitted."""
    spec = job_spec(**settings)
    return adapter.submit(spec, uploaded(adapter, spec))


def looked(adapter: GeminiTuning, job: str) -> list[JobState]:
    """What is seen of a job until it has ended."""
    states = [adapter.look(job)]
    while states[-1].state not in ENDED:
        states.append(adapter.look(job))
    return states


@contextmanager
def vertex(folder: Path, monkeypatch: pytest.MonkeyPatch, **script: Any) -> Iterator[tuple[VertexServer, GeminiTuning]]:
    """A server, with credentials for it in the environment, and the adapter that asks it."""
    with VertexServer(folder / "vertex.jsonl", **script) as server:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.write_key(folder)))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.origin)
        adapter = GeminiTuning(vertex_entry(None), tuner(server.origin))
        yield server, adapter
        adapter.close()
