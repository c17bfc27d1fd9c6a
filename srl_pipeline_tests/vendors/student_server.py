"""Test-only: a student behind an OpenAI-compatible endpoint, as a self-hosted model would be."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.teachers.calls.records import Message, ModelCall, Reply
from srl_pipeline.teachers.catalog.spec import TeacherEntry, Terms
from srl_pipeline.teachers.providers.transformers import TransformersBackend
from srl_pipeline_tests.vendors.exchange import Answer, Outcome, Question, Tokens
from srl_pipeline_tests.vendors.faults import Fault
from srl_pipeline_tests.vendors.openai_server import OpenAIServer

_SECONDS = 600.0


class StudentServer(OpenAIServer):
    """Answers with a local model, ``smollm2-135m`` or a folder, and counts that model's tokens."""

    def __init__(self, log: Path, model: str) -> None:
        terms = Terms(training_allowed=True, source="licence of the weights", as_of=date(2026, 1, 1))
        self._backend = TransformersBackend(TeacherEntry(kind="transformers", model=model, terms=terms))
        super().__init__(log)

    async def think(self, question: Question, operation: str, fault: Fault | None) -> Outcome:
        reply = await asyncio.to_thread(self._reply, question.request)
        tokens = Tokens(input=reply.usage.input_tokens, output=reply.usage.output_tokens)
        body = self.answer_body(question, Answer(reply.text, reply.stop, tokens))
        self.judge(operation, 200, body)
        return Outcome(200, body, self.request_id(), billed=True, tokens=tokens, fault=fault)

    def _reply(self, request: dict[str, Any]) -> Reply:
        turns = request["messages"]
        call = ModelCall(
            teacher=TeacherRef(name="student", version="1"),
            model=request["model"],
            system="\n\n".join(t["content"] for t in turns if t["role"] == "system"),
            messages=[Message(role=t["role"], content=t["content"]) for t in turns if t["role"] != "system"],
            max_tokens=request.get("max_tokens") or request.get("max_completion_tokens") or 256,
            temperature=request.get("temperature"),
        )
        return self._backend.complete(call, timeout=_SECONDS, idempotency_key="")
