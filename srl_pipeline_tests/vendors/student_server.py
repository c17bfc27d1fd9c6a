"""Test-only: a student behind an OpenAI-compatible endpoint, as a self-hosted model would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.teachers.calls.records import Message, ModelCall
from srl_pipeline.teachers.catalog.spec import TeacherEntry, Terms
from srl_pipeline.teachers.providers.transformers import TransformersBackend
from srl_pipeline_tests.vendors.openai_server import OpenAIServer

_SECONDS = 600.0


class StudentBrain:
    """Lets a local model answer; ``model`` is ``smollm2-135m`` or a folder."""

    def __init__(self, model: str) -> None:
        self._backend = TransformersBackend(entry(model))

    def __call__(self, prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        turns = request["messages"]
        call = ModelCall(
            teacher=TeacherRef(name="student", version="1"),
            model=request["model"],
            system="\n\n".join(t["content"] for t in turns if t["role"] == "system"),
            messages=[Message(role=t["role"], content=t["content"]) for t in turns if t["role"] != "system"],
            max_tokens=request.get("max_tokens") or request.get("max_completion_tokens") or 256,
            temperature=request.get("temperature"),
        )
        return self._backend.complete(call, timeout=_SECONDS, idempotency_key="").text


def entry(model: str) -> TeacherEntry:
    """An entry of teachers.yaml for a local model."""
    terms = Terms(training_allowed=True, source="Apache-2.0, the licence of the weights", as_of="2026-01-01")  # type: ignore[arg-type]
    return TeacherEntry(kind="transformers", model=model, terms=terms)


def student_server(log: Path, model: str) -> OpenAIServer:
    """A server, not yet started, that answers with a local model."""
    return OpenAIServer(log, answer=StudentBrain(model))
