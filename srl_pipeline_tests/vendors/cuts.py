"""Test-only: connections that break, without a byte of an answer, before or after the server has done its work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Cut = Literal["before", "after"]
Script = Mapping[str, Sequence[Cut | None]]
"""Operation -> what happens to its requests, in the order of arrival; after its end all goes well."""
_SEVER = "sever"


class Cuts:
    """Says for each request of an operation whether, and when, its connection breaks."""

    def __init__(self, script: Script) -> None:
        self._left = {operation: list(cuts) for operation, cuts in script.items()}

    def next(self, operation: str) -> Cut | None:
        """What happens to the next request."""
        left = self._left.get(operation)
        return left.pop(0) if left else None


class Severable:
    """An application whose handlers can break the connection that they answer to, by `sever`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            cycle: Any = getattr(send, "__self__", None)  # of uvicorn: the request's way out
            scope[_SEVER] = cycle.transport.abort
        await self._app(scope, receive, send)


async def sever(request: Request) -> Response:
    """Break the connection; the response goes nowhere."""
    request.scope[_SEVER]()
    await asyncio.sleep(0)  # the server notices that the client is gone
    return Response()
