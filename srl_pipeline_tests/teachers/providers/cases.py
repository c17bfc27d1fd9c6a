"""Test-only: a teacher's entry, a call, and a server for each vendor."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.teachers.calls.records import Message, ModelCall
from srl_pipeline.teachers.catalog.spec import Limits, Price, TeacherEntry, Terms
from srl_pipeline_tests.vendors import AnthropicServer, GeminiServer, OpenAIServer, VendorServer

KEY = "sk-test-8f3a2b71c9d04e56"
KEY_ENV = "SRL_TEST_KEY"
SERVERS: dict[str, type[VendorServer]] = {
    "openai": OpenAIServer,
    "anthropic": AnthropicServer,
    "gemini": GeminiServer,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string", "maxLength": 400},
        "action": {
            "type": "object",
            "properties": {
                "stone": {"enum": ["granite", "flint"]},
                "storeys": {"type": "integer", "minimum": 1, "maximum": 3, "multipleOf": 1},
                "height": {"type": "number", "minimum": 2.5, "maximum": 9.0},
                "rooms": {
                    "type": "array",
                    "items": {"enum": ["shop", "oven"]},
                    "minItems": 1,
                    "maxItems": 2,
                    "uniqueItems": True,
                },
                "cellar": {"type": "boolean"},
            },
            "required": ["cellar", "height", "rooms", "stone", "storeys"],
            "additionalProperties": False,
        },
    },
    "required": ["reasoning", "action"],
    "additionalProperties": False,
}
"""Every kind of field that a pack may have."""


def entry(kind: str, endpoint: str | None, **settings: Any) -> TeacherEntry:
    """A teacher at an endpoint."""
    fields: dict[str, Any] = {
        "kind": kind,
        "model": "model-1",
        "endpoint": endpoint,
        "api_key_env": KEY_ENV,
        "price": Price(input=1, output=2, as_of=date(2026, 1, 1)),
        "limits": Limits(timeout_seconds=10),
        "terms": Terms(training_allowed=True, source="a contract", as_of=date(2026, 1, 1)),
    }
    return TeacherEntry(**fields | settings)


def model_call(**changes: Any) -> ModelCall:
    """A call with a conversation behind it."""
    fields: dict[str, Any] = {
        "teacher": TeacherRef(name="expert", version="v1"),
        "model": "model-1",
        "system": "You design houses. Answer in JSON.",
        "messages": [
            Message(role="user", content="Step 1. Walls."),
            Message(role="assistant", content='{"reasoning": "", "action": {}}'),
            Message(role="user", content="Sent back: no stone."),
        ],
        "answer_schema": SCHEMA,
        "max_tokens": 200,
    }
    return ModelCall(**fields | changes)


def server(kind: str, folder: Path, **settings: Any) -> VendorServer:
    """A vendor's server that lets in ``KEY`` alone."""
    return SERVERS[kind](folder / f"{kind}.jsonl", key=KEY, **settings)
