"""Hands in what is waiting as one batch, and settles batches when they come back. One thread does both.

A batch is written down with its holds before it is handed in, and with the vendor's id after: whatever a crash cuts
off, the next process finds the batch by its tag, or knows that there is none. Settling twice changes nothing. An
endpoint that stays down ends the collector and fails all who wait; open batches are found again by the next process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TypeVar
from uuid import uuid4

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from srl_pipeline.errors import BudgetError, PipelineError, TeacherError
from srl_pipeline.registry import Hold, Nanos
from srl_pipeline.teachers.calls.batch_state import BatchState, OpenBatch
from srl_pipeline.teachers.calls.books import Books
from srl_pipeline.teachers.calls.deadline import Deadline
from srl_pipeline.teachers.calls.records import (
    BatchBackend,
    CallError,
    ModelCall,
    PermanentError,
    Reply,
    TransientError,
)
from srl_pipeline.teachers.calls.retry import pause_before_retry

T = TypeVar("T")
GROWTH = 1.5
LONGEST_POLL = 10
"""Pauses between two looks at a batch grow up to so many times the first one."""


@dataclass
class _Question:
    """A call that somebody waits for."""

    call: ModelCall
    answer: Future[tuple[Reply, Nanos]] = field(default_factory=Future)
    tries: int = 0


@dataclass
class _Watched:
    """A batch on its way, and when to look at it again."""

    batch: OpenBatch
    pause: float
    look_at: float


class Collector:
    """Args:
    attempts: Tries of one call, and of one request about a batch.
    where: The teacher, for errors.
    poll_seconds: Before the first look at a batch.
    quiet_seconds: What is waiting is handed in when nothing has come for so long, or ``size`` calls are waiting.
    """

    def __init__(
        self,
        backend: BatchBackend,
        books: Books,
        state: BatchState,
        deadline: Deadline,
        *,
        attempts: int,
        where: str,
        poll_seconds: float,
        quiet_seconds: float,
        size: int,
    ) -> None:
        self._backend = backend
        self._books = books
        self._state = state
        self._deadline = deadline
        self._attempts = attempts
        self._where = where
        self._poll_seconds = poll_seconds
        self._quiet_seconds = quiet_seconds
        self._size = size
        self._change = Condition()
        self._questions: dict[str, _Question] = {}
        self._waiting: list[_Question] = []
        self._last_came = 0.0
        self._left = state.open()
        self._under_way = {key for batch in self._left for key in batch.holds}
        self._watched: list[_Watched] = []
        self._stopped = False
        self._error: PipelineError | None = None
        self._thread = Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    def enqueue(self, call: ModelCall) -> Future[tuple[Reply, Nanos]]:
        """The answer and its cost, when the batch of this call is back."""
        with self._change:
            if self._error is not None:
                raise self._error
            question = self._questions.setdefault(call.key, _Question(call))
            if call.key not in self._under_way and question not in self._waiting:
                self._waiting.append(question)
                self._last_came = time.monotonic()
                self._change.notify()
            return question.answer

    def close(self) -> None:
        """Stop looking; open batches stay written down."""
        with self._change:
            self._stopped = True
            self._change.notify()
        self._thread.join()

    def _run(self) -> None:
        error = TeacherError("The collector of batches has ended.", where=self._where, mend="See the log, run again.")
        try:
            self._restore()
            while (questions := self._next()) is not None:
                if questions:
                    self._hand_in(questions)
                self._look()
        except PipelineError as reason:
            error = reason
        finally:
            with self._change:
                self._error = error
                for question in self._questions.values():
                    question.answer.set_exception(error)
                self._questions.clear()

    def _next(self) -> list[_Question] | None:
        """What is to be handed in now; nothing when a batch is to be looked at; None when stopped."""
        with self._change:
            while not self._stopped:
                now = time.monotonic()
                quiet_at = self._last_came + self._quiet_seconds if self._waiting else math.inf
                if now >= quiet_at or len(self._waiting) >= self._size:
                    questions, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
                    self._under_way.update(q.call.key for q in questions)
                    return questions
                look_at = min((w.look_at for w in self._watched), default=math.inf)
                if now >= look_at:
                    return []
                due = min(quiet_at, look_at)
                self._change.wait(None if due == math.inf else due - now)
            return None

    def _restore(self) -> None:
        for batch in self._left:
            batch_id = batch.id or self._insist(lambda batch=batch: self._backend.find(batch.tag))
            if batch_id is None:
                self._give_up(batch)
            else:
                self._state.submitted(batch.tag, batch_id)
                self._watch(batch, batch_id)

    def _hand_in(self, questions: list[_Question]) -> None:
        holds: dict[str, Hold] = {}
        for question in questions:
            key = question.call.key
            if (reply := self._books.known(key)) is not None:  # a batch came back while it was being asked
                self._answer(key).set_result((reply, 0))
                continue
            try:
                holds[key] = self._books.hold(question.call)
            except BudgetError as error:
                self._answer(key).set_exception(error)
        calls = [q.call for q in questions if q.call.key in holds]
        if not calls:
            return
        batch = OpenBatch(tag=f"srl-{uuid4().hex}", id=None, holds=holds)
        self._state.begin(batch)
        batch_id = self._submit(batch, calls)
        self._state.submitted(batch.tag, batch_id)
        self._watch(batch, batch_id)

    def _submit(self, batch: OpenBatch, calls: list[ModelCall]) -> str:
        tries = 0

        def submit() -> str:
            nonlocal tries
            tries += 1
            # After a failure nobody knows whether it came through.
            found = self._backend.find(batch.tag) if tries > 1 else None
            return found or self._backend.submit(calls, tag=batch.tag)

        try:
            return self._insist(submit)
        except TeacherError as error:
            if isinstance(error.__cause__, PermanentError) and tries == 1:
                self._give_up(batch)
            raise

    def _watch(self, batch: OpenBatch, batch_id: str) -> None:
        batch = batch.model_copy(update={"id": batch_id})
        self._watched.append(_Watched(batch, self._poll_seconds, time.monotonic() + self._poll_seconds))

    def _look(self) -> None:
        for watched in [w for w in self._watched if w.look_at <= time.monotonic()]:
            outcomes = self._insist(lambda batch_id=watched.batch.id: self._backend.collect(batch_id or ""))
            if outcomes is None:
                watched.pause = min(GROWTH * watched.pause, LONGEST_POLL * self._poll_seconds)
                watched.look_at = time.monotonic() + watched.pause
            else:
                self._watched.remove(watched)
                self._settle(watched.batch, outcomes)

    def _settle(self, batch: OpenBatch, outcomes: dict[str, Reply | CallError]) -> None:
        missing = TransientError("The batch came back without this call.", billed="unknown")
        for key, hold in batch.holds.items():
            outcome = outcomes.get(key, missing)
            if isinstance(outcome, Reply):
                cost = self._books.paid(key, outcome, hold)
                self._answer(key).set_result((outcome, cost))
                continue
            self._books.failed(hold, outcome)
            question = self._questions.get(key)
            if question is None:
                continue
            question.tries += 1
            if isinstance(outcome, TransientError) and question.tries < self._attempts:
                self._books.meter.retried()
            else:
                self._answer(key).set_exception(self._failure(outcome, question.tries))
        self._state.end(batch.tag)
        self._free(batch)

    def _give_up(self, batch: OpenBatch) -> None:
        """It was never handed in."""
        for hold in batch.holds.values():
            self._books.returned(hold)
        self._state.end(batch.tag)
        self._free(batch)

    def _free(self, batch: OpenBatch) -> None:
        """Whoever still waits for one of its calls gets another batch."""
        with self._change:
            self._under_way.difference_update(batch.holds)
            self._waiting.extend(q for key, q in self._questions.items() if key in batch.holds)
            self._last_came = time.monotonic()

    def _answer(self, key: str) -> Future[tuple[Reply, Nanos]]:
        """Where the outcome of a call goes, once; nobody may be waiting for what an earlier process asked."""
        with self._change:
            self._under_way.discard(key)
            question = self._questions.pop(key, None)
        return question.answer if question else Future()

    def _insist(self, request: Callable[[], T]) -> T:
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            retry=retry_if_exception_type(TransientError),
            wait=pause_before_retry,
            sleep=self._deadline.sleep,
            reraise=True,
        )
        try:
            return retrying(request)
        except CallError as error:
            raise self._failure(error, self._attempts) from error

    def _failure(self, error: CallError, tries: int) -> TeacherError:
        if isinstance(error, PermanentError):
            return TeacherError(str(error), where=self._where, mend=error.mend)
        return TeacherError(
            f"No answer after {tries} tries; the last failure: {error}",
            where=self._where,
            mend="See that the endpoint is up, then run again: open batches and paid answers are kept.",
        )
