"""Calls in batches, at the vendor's lower price: `ask` blocks until the batch with the call is back."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from srl_pipeline.registry import Account, Caps, Ledger, Nanos
from srl_pipeline.teachers.calls.batch_collector import Collector
from srl_pipeline.teachers.calls.batch_state import BatchState
from srl_pipeline.teachers.calls.books import Books
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline.teachers.calls.caller import Answered, ask_once
from srl_pipeline.teachers.calls.deadline import Deadline
from srl_pipeline.teachers.calls.meter import Meter
from srl_pipeline.teachers.calls.place import place_of
from srl_pipeline.teachers.calls.records import BatchBackend, ModelCall, Reply
from srl_pipeline.teachers.catalog.spec import TeacherEntry

HOLD_SECONDS = 30 * 3600.0
"""Vendors answer or give up a batch within 24 hours."""
SIZE = 10_000
"""Calls in one batch at the most; vendors take more."""
LOOK = 0.25
"""Seconds after which a waiting thread looks whether its deadline is over."""


class BatchCaller:
    """Asks all that its threads are waiting for together. The more threads, the larger the batches.

    Args:
        state: File of open batches, kept over restarts; one process at a time.
        deadline: Seconds for all calls together, from now on; None: no limit.
        poll_seconds: Before the first look at a batch; later looks are up to ten times as far apart.
        quiet_seconds: What is waiting is handed in when nothing more has come for so long.
    """

    def __init__(
        self,
        backend: BatchBackend,
        entry: TeacherEntry,
        cache: CallCache,
        ledger: Ledger,
        account: Account,
        caps: Caps,
        *,
        state: Path,
        deadline: float | None = None,
        poll_seconds: float,
        quiet_seconds: float,
    ) -> None:
        self._backend = backend
        self._cache = cache
        where = place_of(entry)
        self._deadline = Deadline(deadline, where)
        self._books = Books(entry, cache, ledger, account, caps, seconds=HOLD_SECONDS, batch=True)
        self._state = BatchState(state)
        self._collector = Collector(
            backend,
            self._books,
            self._state,
            self._deadline,
            attempts=entry.limits.attempts,
            where=where,
            poll_seconds=poll_seconds,
            quiet_seconds=quiet_seconds,
            size=SIZE,
        )

    @property
    def meter(self) -> Meter:
        """Counts since construction."""
        return self._books.meter

    def ask(self, call: ModelCall) -> Answered:
        """See `Asker.ask`. Where the deadline ends the wait, the batch goes on, and a later run finds it."""
        return ask_once(
            call, self._cache, self._books, self._deadline, lambda c: self._wait(self._collector.enqueue(c))
        )

    def close(self) -> None:
        """See `Asker.close`. Open batches stay written down."""
        self._deadline.stop()
        self._collector.close()
        self._state.close()
        self._backend.close()

    def _wait(self, answer: Future[tuple[Reply, Nanos]]) -> tuple[Reply, Nanos]:
        while True:
            try:
                return answer.result(LOOK)
            except TimeoutError:
                self._deadline.check()
