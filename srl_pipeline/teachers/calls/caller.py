"""Calls one by one: from the cache, or claimed, paced, held, asked, kept, committed; and tried again where it helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from srl_pipeline.clock import StopWatch
from srl_pipeline.errors import TeacherError
from srl_pipeline.registry import Account, Caps, Ledger, Nanos
from srl_pipeline.teachers.calls.books import Books
from srl_pipeline.teachers.calls.breaker import Breaker
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline.teachers.calls.deadline import Deadline
from srl_pipeline.teachers.calls.meter import Meter
from srl_pipeline.teachers.calls.pace import Pace
from srl_pipeline.teachers.calls.place import place_of
from srl_pipeline.teachers.calls.records import (
    Backend,
    ModelCall,
    PermanentError,
    RateLimitError,
    Reply,
    TransientError,
)
from srl_pipeline.teachers.calls.retry import pause_before_retry
from srl_pipeline.teachers.catalog.spec import TeacherEntry

LONGEST_PAUSE = 120.0
"""Seconds: an endpoint that asks for a longer pause is taken as down."""
COOL_DOWN = 30.0
SHORTEST_TIMEOUT = 0.01


@dataclass(frozen=True)
class Answered:
    """An answer and what it took.

    Attributes:
        cached: It was there already.
        cost: What this question cost now: 0 when cached.
        seconds: From question to answer, waits and further tries included.
    """

    reply: Reply
    cached: bool
    cost: Nanos
    seconds: float


class Asker(Protocol):
    """Answers calls. May be used from several threads at once."""

    def ask(self, call: ModelCall) -> Answered:
        """The answer; raises TeacherError when there is none, BudgetError when it may not be paid."""
        ...

    @property
    def meter(self) -> Meter:
        """What the calls so far were like."""
        ...

    def close(self) -> None:
        """End all waits and give back connections; cache and ledger stay open."""
        ...


def ask_once(
    call: ModelCall,
    cache: CallCache,
    books: Books,
    deadline: Deadline,
    pay: Callable[[ModelCall], tuple[Reply, Nanos]],
) -> Answered:
    """The answer that is kept, or the one that ``pay`` brings; of all threads and processes only one pays for it."""
    watch = StopWatch()
    if (reply := books.known(call.key)) is not None:
        return Answered(reply, True, 0, watch.seconds)
    with cache.claim(call.key, deadline.sleep):
        if (reply := books.known(call.key)) is not None:  # by whoever had the claim before
            return Answered(reply, True, 0, watch.seconds)
        reply, cost = pay(call)
    return Answered(reply, False, cost, watch.seconds)


class Caller:
    """Asks one call at a time on each thread.

    Args:
        entry: The teacher: price, limits, endpoint.
        account: Whom the calls are charged to; ``caps`` hold for it.
        deadline: Seconds for all calls together, from now on; None: no limit.
    """

    def __init__(
        self,
        backend: Backend,
        entry: TeacherEntry,
        cache: CallCache,
        ledger: Ledger,
        account: Account,
        caps: Caps,
        *,
        deadline: float | None = None,
    ) -> None:
        self._backend = backend
        self._limits = limits = entry.limits
        self._where = place_of(entry)
        self._cache = cache
        self._books = Books(entry, cache, ledger, account, caps, seconds=_longest(entry))
        self._deadline = Deadline(deadline, self._where)
        self._pace = Pace(limits.concurrency)
        # All calls under way may fail together in one short outage, and have tries left to outlive it.
        self._breaker = Breaker(limits.attempts + 2 * limits.concurrency, COOL_DOWN, self._where)

        self._retrying = Retrying(
            stop=stop_after_attempt(self._limits.attempts),
            retry=retry_if_exception_type(TransientError),
            wait=pause_before_retry,
            sleep=self._deadline.sleep,
            before_sleep=lambda _: self.meter.retried(),
            reraise=True,
        )

    @property
    def meter(self) -> Meter:
        """Counts since construction."""
        return self._books.meter

    def ask(self, call: ModelCall) -> Answered:
        """See `Asker.ask`. An answer that was paid for once is never paid for again."""
        return ask_once(call, self._cache, self._books, self._deadline, self._insist)

    def close(self) -> None:
        """See `Asker.close`."""
        self._deadline.stop()
        self._backend.close()

    def _insist(self, call: ModelCall) -> tuple[Reply, Nanos]:
        try:
            return self._retrying(self._try, call)
        except TransientError as error:
            raise TeacherError(
                f"No answer after {self._limits.attempts} tries; the last failure: {error}",
                where=self._place(call),
                mend="See that the endpoint is up and its rate limits suffice, then run again: paid answers are kept.",
            ) from error
        except PermanentError as error:
            raise TeacherError(str(error), where=self._place(call), mend=error.mend) from error

    def _try(self, call: ModelCall) -> tuple[Reply, Nanos]:
        with self._pace.slot(self._deadline) as began, self._breaker.admitted():
            hold = self._books.hold(call)
            watch = StopWatch()
            timeout = max(min(self._limits.timeout_seconds, self._deadline.remaining), SHORTEST_TIMEOUT)
            try:
                reply = self._backend.complete(call, timeout=timeout, idempotency_key=f"srl-{call.key}")
            except (TransientError, PermanentError) as error:
                self._books.failed(hold, error)
                self._heed(error, began, call)
                raise
            self.meter.took(watch.seconds)
            self._breaker.succeeded()
            self._pace.succeeded()
        return reply, self._books.paid(call.key, reply, hold)

    def _heed(self, error: TransientError | PermanentError, began: float, call: ModelCall) -> None:
        if isinstance(error, RateLimitError):
            self._pace.limited(began)
        if isinstance(error, RateLimitError | PermanentError):
            self._breaker.succeeded()
        else:
            self._breaker.failed(str(error))
        pause = error.retry_after if isinstance(error, TransientError) else None
        if pause is None:
            return
        if pause > LONGEST_PAUSE:
            raise TeacherError(
                f"The endpoint asks to wait {pause:.0f} seconds: {error}",
                where=self._place(call),
                mend="Run again later: paid answers are kept. Or ask the vendor for a higher limit.",
            ) from error
        self._pace.pause(pause)

    def _place(self, call: ModelCall) -> str:
        return f"teacher {call.teacher.name}, {self._where}"


def _longest(entry: TeacherEntry) -> float:
    """Seconds that a hold lasts: as many tries as it may serve for, each twice its time-out, and the pauses between."""
    tries = entry.limits.attempts if entry.honours_idempotency_key else 1
    return tries * (2 * entry.limits.timeout_seconds + LONGEST_PAUSE)
