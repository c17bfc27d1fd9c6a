"""Test-only: what passes between a server and its clients, before it takes a vendor's shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from srl_pipeline_tests.vendors.faults import Fault


@dataclass(frozen=True)
class Question:
    """What a generating request asks for.

    Attributes:
        schema: JSON Schema that the answer is held to, where one was sent.
        request: The whole body.
    """

    prompt: str
    schema: dict[str, Any] | None
    max_tokens: int
    model: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """What an answer costs. ``input`` holds ``cached``, ``output`` holds ``thinking``."""

    input: int = 0
    cached: int = 0
    output: int = 0
    thinking: int = 0


@dataclass(frozen=True)
class Answer:
    """What the model said."""

    text: str
    stop: Literal["end", "length", "refusal"]
    tokens: Tokens


@dataclass
class Outcome:
    """How a request ended, and what is wrong with its delivery."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    billed: bool = False
    tokens: Tokens = Tokens()
    fault: Fault | None = None

    def response(self) -> Response:
        """As it goes over the wire."""
        content = json.dumps(self.body).encode()
        kind = self.fault.kind if self.fault else ""
        if kind == "truncated":
            return _Broken(content, self.status, self.headers, "application/json")
        if kind == "malformed_json":
            content = content[: len(content) // 2] + b"}"
        return Response(content, self.status, self.headers, "application/json")


class _Broken(Response):
    """Promises its whole body, sends half of it and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


def tokens_of(text: str) -> int:
    """Tokens of a text by the servers' count: four characters each."""
    return len(text) // 4 + 1
