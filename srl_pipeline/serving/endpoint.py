"""The HTTP endpoint: routes, limits, and how a request becomes a question and an answer a response."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from concurrent.futures import Future
from threading import Event
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from srl_pipeline.serving import wire
from srl_pipeline.serving.errors import Busy, ModelFailed, Unanswerable
from srl_pipeline.serving.questions import Answer
from srl_pipeline.serving.service import Service
from srl_pipeline.serving.stream import Stream

RETRY_AFTER = "1"
"""Seconds that a refused client is told to wait."""
GONE = 499
"""Status of a response that nobody reads."""
_TYPES = {401: "authentication_error", 404: "not_found_error"}


def make_app(service: Service, token: str | None, hosts: tuple[str, ...]) -> Starlette:
    """The application.

    Args:
        token: What a client must send as Bearer; None: nothing.
        hosts: Names that the Host header may have; empty: any. Keeps web pages from reaching a server on loopback
            under a name of their own.
    """
    endpoint = _Endpoint(service, token, hosts)
    return Starlette(
        routes=[
            Route("/v1/models", endpoint.models),
            Route("/v1/chat/completions", endpoint.chat, methods=["POST"]),
            Route("/healthz", endpoint.health),
            Route("/metrics", endpoint.metrics),
        ],
        exception_handlers={
            HTTPException: _http_error,
            Unanswerable: _unanswerable,
            Busy: _busy,
            ModelFailed: _failed,
            ClientDisconnect: _gone,
        },
    )


class _Endpoint:
    def __init__(self, service: Service, token: str | None, hosts: tuple[str, ...]) -> None:
        self._service, self._hosts = service, hosts
        self._token = None if token is None else token.encode()

    async def models(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse(wire.model_list(self._service.model_type, self._service.models.live.version))

    async def health(self, request: Request) -> Response:
        """Open to probes, which have no token; what exactly serves is told to those who have one."""
        found = self._service.health()
        return JSONResponse(found if self._known(request) else {"status": found["status"]})

    async def metrics(self, request: Request) -> Response:
        self._admit(request)
        return PlainTextResponse(self._service.metrics(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def chat(self, request: Request) -> Response:
        self._admit(request)
        asked = wire.read_request(await self._body(request), self._service.model_type, self._service.config)
        request_id, left = wire.new_id(), Event()
        question = wire.question_of(asked, request_id)
        if not asked.stream:
            future = self._service.submit(question, lambda _: False, left)
            answer = await _unless_gone(request, future, left)
            return JSONResponse(wire.completion(request_id, asked.model, answer))
        stream = Stream(asyncio.get_running_loop())
        stream.follow(self._service.submit(question, stream.heard, left))
        begun = await stream.next()  # an error before the first line is an ordinary response
        events = _events(stream, begun, request_id, asked, left)
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-store"})

    def _admit(self, request: Request) -> None:
        if self._hosts and request.url.hostname not in self._hosts:
            raise HTTPException(400, "The Host header names another server.")
        if not self._known(request):
            raise HTTPException(401, "A valid bearer token is needed.", headers={"www-authenticate": "Bearer"})

    def _known(self, request: Request) -> bool:
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token)

    async def _body(self, request: Request) -> bytes:
        """Also keeps web pages out: they may send JSON elsewhere only with leave, which is never given."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "Send content-type: application/json.")
        most = self._service.config.max_body_kb * 1024
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise HTTPException(413, f"The body has more than {most} bytes.", headers={"connection": "close"})
        return bytes(body)


async def _unless_gone(request: Request, future: Future[Answer], left: Event) -> Answer:
    """The answer; where the client goes away first, nobody computes it to its end: raises ClientDisconnect."""
    answer = asyncio.wrap_future(future)
    gone = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise ClientDisconnect
    finally:
        left.set()
        gone.cancel()
        answer.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _events(
    stream: Stream, begun: str | Answer, request_id: str, asked: wire.ChatRequest, left: Event
) -> AsyncIterator[str]:
    """Server-sent events: the lines as they are written, the end with the verdict, the counts."""
    item, first = begun, True
    try:
        while isinstance(item, str):
            yield _event(wire.chunk(request_id, asked.model, item, first=first))
            item, first = await stream.next(), False
        if rest := stream.rest(item):
            yield _event(wire.chunk(request_id, asked.model, rest, first=first))
        yield _event(wire.last_chunk(request_id, asked.model, item))
        if asked.with_usage:
            yield _event(wire.usage_chunk(request_id, asked.model, item))
        yield "data: [DONE]\n\n"
    except ModelFailed as error:
        yield _event(wire.error_body(error.what, "server_error", code="model_failed"))
    finally:
        left.set()
        stream.cancel()


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False, allow_nan=False)}\n\n"


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _TYPES.get(error.status_code, "invalid_request_error")
    return JSONResponse(wire.error_body(error.detail, kind), error.status_code, headers=error.headers)


async def _unanswerable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unanswerable)
    message = f"{error.what} Where: {error.where}. Mend: {error.mend}"
    status = 404 if error.code == wire.UNKNOWN_MODEL else 400
    body = wire.error_body(message, "invalid_request_error", param=error.param, code=error.code)
    return JSONResponse(body, status)


async def _busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, Busy)
    body = wire.error_body(f"{error.what} {error.mend}", "server_error", code="overloaded")
    return JSONResponse(body, 503, headers={"retry-after": RETRY_AFTER})


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, ModelFailed)
    return JSONResponse(wire.error_body(error.what, "server_error", code="model_failed"), 500)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=GONE)
