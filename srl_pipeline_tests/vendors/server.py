"""Test-only: a vendor's server on this machine. What is common to all: admission, faults, idempotency, bill and log."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from srl_pipeline_tests.vendors.brain import Brain, minimal_answer
from srl_pipeline_tests.vendors.exchange import Answer, Outcome, Question, Tokens, tokens_of
from srl_pipeline_tests.vendors.faults import REFUSED, Fault, FaultPlan
from srl_pipeline_tests.vendors.log import LogEntry, RequestLog
from srl_pipeline_tests.vendors.specification import Specification

Work = Callable[[Fault | None], Awaitable[Outcome]]


@dataclass(frozen=True)
class Meter:
    """How tokens are counted beyond four characters each: the cached share of the input, hidden tokens of output."""

    cached_share: float = 0.0
    thinking: int = 0


@dataclass(frozen=True)
class Received:
    """A request that was admitted."""

    operation: str
    headers: dict[str, str]
    body: Any


class VendorServer(ABC):
    """Used as a context manager, or by `serve` in a process of its own.

    Attributes:
        invalid: What was wrong, by the specification, with requests that came in or answers that went out.
        received: The last thousand admitted requests.
    """

    vendor: ClassVar[str]
    overloaded: ClassVar[int]
    """Status that says so."""

    def __init__(
        self,
        log: Path,
        *,
        answer: Brain = minimal_answer,
        faults: FaultPlan | None = None,
        line_faults: FaultPlan | None = None,
        latency: float = 0.0,
        honours_idempotency: bool = False,
        key: str | None = None,
        meter: Meter | None = None,
        batch_seconds: float = 0.0,
        port: int = 0,
    ) -> None:
        """``line_faults`` are for the requests within batches, ``key`` is the only one let in (None: any)."""
        self.log = RequestLog(log)
        self.answer = answer
        self.faults = faults or FaultPlan()
        self.line_faults = line_faults or FaultPlan()
        self.latency = latency
        self.honours_idempotency = honours_idempotency
        self.key = key
        self.meter = meter or Meter()
        self.batch_seconds = batch_seconds
        self.invalid: list[str] = []
        self.received: deque[Received] = deque(maxlen=1000)
        self._at_work = 0
        self._first: dict[str, asyncio.Future[Outcome]] = {}
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(512)  # at once: whoever knows the address may connect
        app = Starlette(routes=self.routes(), exception_handlers={Exception: self._crashed})
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=10)
        )
        self._thread = threading.Thread(target=self.run, daemon=True)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def url(self) -> str:
        """What a teacher's ``endpoint`` is."""
        return self.origin

    @abstractmethod
    def routes(self) -> list[Route]: ...

    @abstractmethod
    def specification(self) -> Specification: ...

    @abstractmethod
    def key_of(self, request: Request) -> str: ...

    @abstractmethod
    def error_body(self, status: int, message: str) -> dict[str, Any]: ...

    @abstractmethod
    def question(self, body: dict[str, Any], model: str) -> Question: ...

    @abstractmethod
    def answer_body(self, question: Question, answer: Answer) -> dict[str, Any]: ...

    @abstractmethod
    def objection(self, body: dict[str, Any]) -> str | None:
        """What the vendor refuses although the specification allows it."""

    def run(self) -> None:
        """Serve until stopped."""
        self._uvicorn.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._uvicorn.started:
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for what is at work, so that its bill is in the log; the rest of the server ends by itself."""
        self._uvicorn.should_exit = True
        if self._at_work:
            self._thread.join()

    async def _crashed(self, request: Request, error: Exception) -> Response:
        """A fault of the server or its brain, not a planned one: tests look at ``invalid``."""
        if isinstance(error, ClientDisconnect):  # a client that is aborted leaves in mid-sentence
            return Response(status_code=499)
        self.invalid.append("".join(traceback.format_exception(error)))
        return JSONResponse(self.error_body(500, "the test's server crashed"), 500)

    async def generate(self, request: Request, operation: str, model: str = "") -> Response:
        """A request for one answer."""
        body = await self.admit(request, operation)
        if isinstance(body, Response):
            return body
        question = self.question(body, model)

        async def work(fault: Fault | None) -> Outcome:
            return await self.think(question, operation, fault)

        return await self.exchange(request, operation, body, work)

    async def think(self, question: Question, operation: str, fault: Fault | None) -> Outcome:
        """What the model answers, and the bill for it."""
        await asyncio.sleep(self.latency)
        text = await asyncio.to_thread(self.answer, question.prompt, question.schema, question.request)
        stop = "end"
        if fault and fault.kind == "wrong_schema":
            text = '{"unexpected": true}'
        if fault and fault.kind == "refusal":
            text, stop = "I cannot help with that.", "refusal"
        elif tokens_of(text) > question.max_tokens:
            text, stop = text[: 4 * (question.max_tokens - 1)], "length"
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        tokens = self._count(question.prompt, text)
        body = self.answer_body(question, Answer(text, stop, tokens))
        self.judge(operation, 200, body)
        return Outcome(200, body, self.request_id(), billed=True, tokens=tokens, fault=fault)

    async def exchange(self, request: Request, operation: str, body: Any, work: Work) -> Response:
        """Does ``work``, or gives its first outcome again, or refuses, as the plan of faults has it."""
        self._at_work += 1
        try:
            return await self._exchange(request, operation, body, work)
        finally:
            self._at_work -= 1

    async def _exchange(self, request: Request, operation: str, body: Any, work: Work) -> Response:
        key = request.headers.get("idempotency-key", "")
        remembers = self.honours_idempotency and bool(key)
        while remembers and (first := self._first.get(key)) is not None:
            outcome = await asyncio.shield(first)
            if outcome.status == 200:
                self._note(operation, key, body, Outcome(200, outcome.body), replayed=True)
                return Outcome(200, outcome.body, outcome.headers).response()
        pending: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if remembers:
            self._first[key] = pending
        fault = self.faults.next()
        if fault and fault.kind in REFUSED:
            outcome = self.refusal(operation, fault)
        else:
            try:
                outcome = await work(fault)
            except BaseException:
                self._first.pop(key, None)
                pending.cancel()  # a brain that raises must not leave others waiting
                raise
        if outcome.status != 200:
            self._first.pop(key, None)  # nothing was done: the next try is a first one
        pending.set_result(outcome)
        self._note(operation, key, body, outcome)
        return outcome.response()

    async def admit(self, request: Request, operation: str) -> Any:
        """The body of a request, or the response that turns it away."""
        if (denied := self.deny(request, operation)) is not None:
            return denied
        try:
            body = json.loads(await request.body())
        except ValueError:
            return self.turn_away(operation, 400, "the body is no JSON")
        wrong = self.specification().request_error(operation, body) or self.objection(body)
        if wrong is not None:
            return self.turn_away(operation, 400, wrong)
        self.received.append(Received(operation, dict(request.headers), body))
        return body

    def deny(self, request: Request, operation: str) -> Response | None:
        """Turns away a wrong key; like some vendors it repeats what it was sent."""
        key = self.key_of(request)
        if not key or (self.key is not None and key != self.key):
            return JSONResponse(self.error_body(401, f"Incorrect API key provided: {key}."), 401)
        return None

    def turn_away(self, operation: str, status: int, wrong: str) -> Response:
        """Refuses a request that no correct client sends, and remembers it."""
        self.invalid.append(f"{operation}: {wrong}")
        return JSONResponse(self.error_body(status, wrong), status)

    def refusal(self, operation: str, fault: Fault) -> Outcome:
        """An error of the server's own: nothing was done, nothing is billed."""
        status = {"rate_limit": 429, "server_error": 500}.get(fault.kind, self.overloaded)
        headers = {"Retry-After": fault.retry_after} if status == 429 and fault.retry_after else {}
        body = self.error_body(status, f"planned: {fault.kind}")
        self.judge(operation, status, body)
        return Outcome(status, body, headers, fault=fault)

    def request_id(self) -> dict[str, str]:
        """Headers with the vendor's id of the request, where it has one."""
        return {}

    def reply(self, operation: str, body: Any) -> Response:
        """An answer that costs nothing, checked."""
        self.judge(operation, 200, body)
        return JSONResponse(body)

    def note_line(self, operation: str, custom_id: str, body: Any, outcome: Outcome) -> None:
        """Log a request within a batch."""
        self._note(operation, "", body, outcome, custom_id=custom_id)

    def _count(self, prompt: str, text: str) -> Tokens:
        asked = tokens_of(prompt)
        thinking = self.meter.thinking
        return Tokens(asked, int(asked * self.meter.cached_share), tokens_of(text) + thinking, thinking)

    def judge(self, operation: str, status: int, body: Any) -> None:
        """Remembers an answer that breaks the specification."""
        wrong = self.specification().answer_error(operation, status, body)
        if wrong is not None:
            self.invalid.append(f"answer to {operation}: {wrong}")

    def _note(
        self, operation: str, key: str, body: Any, outcome: Outcome, *, replayed: bool = False, custom_id: str = ""
    ) -> None:
        question = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
        self.log.write(
            LogEntry(
                at=time.time(),
                operation=operation,
                idempotency_key=key,
                question=question,
                status=outcome.status,
                fault=outcome.fault.kind if outcome.fault else "",
                billed=outcome.billed,
                replayed=replayed,
                custom_id=custom_id,
                input_tokens=outcome.tokens.input if outcome.billed else 0,
                output_tokens=outcome.tokens.output if outcome.billed else 0,
            )
        )
