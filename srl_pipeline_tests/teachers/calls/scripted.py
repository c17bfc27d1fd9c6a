"""Test-only: backends that do what a script says and count what a vendor would bill, and what goes with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Lock

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.registry import Account, Caps, SqliteLedger
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline.teachers.calls.records import CallError, Message, ModelCall, Reply, Usage
from srl_pipeline.teachers.catalog.spec import Limits, Price, TeacherEntry, Terms

ACCOUNT = Account(run="r1", model_type="buildings", vendor="openai")
CAPS = Caps(month=10**12)
PRICE = Price(input=1.0, output=2.0, cached_input=0.5, as_of=date(2026, 11, 1))
USAGE = Usage(input_tokens=100, output_tokens=50)
COST = 100 * 1000 + 50 * 2000
TERMS = Terms(training_allowed=True, source="a test", as_of=date(2026, 11, 1))


def entry(
    *,
    price: Price = PRICE,
    concurrency: int = 8,
    attempts: int = 3,
    timeout: float = 5.0,
    idempotent: bool = False,
    endpoint: str = "https://user:secret@models.example/v1",
) -> TeacherEntry:
    return TeacherEntry(
        kind="openai",
        model="m",
        endpoint=endpoint,
        price=price,
        terms=TERMS,
        honours_idempotency_key=idempotent,
        limits=Limits(concurrency=concurrency, attempts=attempts, timeout_seconds=timeout),
    )


def call(text: str = "question", sample: int = 0) -> ModelCall:
    return ModelCall(
        teacher=TeacherRef(name="t", version="v"),
        model="m",
        system="system",
        messages=[Message(role="user", content=text)],
        max_tokens=100,
        sample=sample,
    )


def reply(text: str = "answer", usage: Usage = USAGE) -> Reply:
    return Reply(text=text, usage=usage, stop="end", model="m")


class Desk:
    """Cache and ledger in a folder; opened again they are those of the next process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = CallCache(folder / "calls.sqlite")
        self.ledger = SqliteLedger(folder / "ledger.sqlite")


class ScriptedBackend:
    """Plays ``script``: an error to raise, an answer to give, or something to do first; then answers for ever."""

    vendor = "openai"

    def __init__(
        self, *script: Reply | CallError | Callable[[], Reply], seconds: float = 0.0, answer: Reply | None = None
    ) -> None:
        self.script = list(script)
        self.seconds = seconds
        self.answer = answer or reply()
        self.asked: list[str] = []
        self.keys: list[str] = []
        self.timeouts: list[float] = []
        self.most_at_once = self._now = 0
        self._lock = Lock()

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        with self._lock:
            self.asked.append(call.messages[-1].content)
            self.keys.append(idempotency_key)
            self.timeouts.append(timeout)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            act = self.script.pop(0) if self.script else self.answer
        try:
            time.sleep(self.seconds)
            if isinstance(act, CallError):
                raise act
            return act if isinstance(act, Reply) else act()
        finally:
            with self._lock:
                self._now -= 1

    def close(self) -> None:
        pass
