"""Keeps cache, ledger and meter in step, so that a crash between any two steps neither loses nor repeats a payment.

A hold comes before the call, the answer is kept before the hold is committed. What a crash leaves open is settled when
its question is asked again: from the cache if the answer was kept, else as an outcome that nobody knows.
"""

from __future__ import annotations

from threading import Lock

from srl_pipeline.registry import Account, Caps, Hold, Ledger, Nanos
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline.teachers.calls.meter import Meter
from srl_pipeline.teachers.calls.pricing import cost, price_of, upper_bound
from srl_pipeline.teachers.calls.records import CallError, ModelCall, Reply
from srl_pipeline.teachers.catalog.spec import TeacherEntry


class Books:
    """The money of one teacher's calls for one account. All but `known` are for whoever has claimed the call.

    Args:
        seconds: How long a hold lasts: longer than an attempt can take.
        batch: Whether calls are billed at the price of a batch.
    """

    def __init__(
        self,
        entry: TeacherEntry,
        cache: CallCache,
        ledger: Ledger,
        account: Account,
        caps: Caps,
        *,
        seconds: float,
        batch: bool = False,
    ) -> None:
        self.meter = Meter()
        self._cache = cache
        self._ledger = ledger
        self._account = account
        self._caps = caps
        self._seconds = seconds
        self._batch = batch
        self._price = price_of(entry)
        self._repeats_are_free = entry.honours_idempotency_key and not batch
        self._left_open = {hold.call: hold for hold in ledger.open_holds(account.run)}
        self._doubtful: set[str] = set()  # holds under which an earlier try may already be on the bill
        self._lock = Lock()

    def known(self, key: str) -> Reply | None:
        """The answer, if it was paid for; the hold that a crash left open for it is settled."""
        reply = self._cache.get(key)
        if reply is not None:
            if (hold := self._take_left_open(key)) is not None:
                self._ledger.commit(hold, self._cache.cost_of(key))
            self.meter.hit()
        return reply

    def hold(self, call: ModelCall) -> Hold:
        """Set aside what a call can cost; raises BudgetError.

        A hold that a dead process left for it serves again where the vendor bills a repeated call once. Elsewhere
        that one is counted as spent.
        """
        if (left := self._take_left_open(call.key)) is not None and self._is_open(left):
            if self._repeats_are_free:
                with self._lock:
                    self._doubtful.add(left.id)
                return left
            self._lose(left)
        bound = upper_bound(call, self._price, batch=self._batch)
        return self._ledger.hold(call.key, self._account, bound, self._caps, seconds=self._seconds)

    def paid(self, key: str, reply: Reply, hold: Hold) -> Nanos:
        """Keep an answer, then commit what it cost."""
        amount = cost(reply.usage, self._price, batch=self._batch)
        self._cache.put(key, reply, amount)
        self._ledger.commit(hold, amount)
        self.meter.answered(reply.usage, amount, hold.amount)
        with self._lock:
            self._doubtful.discard(hold.id)
        return amount

    def failed(self, hold: Hold, error: CallError) -> None:
        """Close the hold of a try that brought no answer, or leave it to the next try of the same call."""
        self.meter.failed(error)
        with self._lock:
            doubtful = hold.id in self._doubtful or error.billed == "unknown"
            if doubtful and self._repeats_are_free:
                self._left_open[hold.call] = hold
                return
        if doubtful:
            self._lose(hold)
        else:
            self._ledger.release(hold)

    def returned(self, hold: Hold) -> None:
        """Close the hold of a call that was never made."""
        self._ledger.release(hold)

    def _lose(self, hold: Hold) -> None:
        self._ledger.commit(hold, hold.amount)
        self.meter.lost(hold.amount)

    def _take_left_open(self, key: str) -> Hold | None:
        with self._lock:
            return self._left_open.pop(key, None)

    def _is_open(self, hold: Hold) -> bool:
        """Its owner may have been alive when this process began, and have closed it since; or it has expired."""
        return any(h.id == hold.id for h in self._ledger.open_holds(hold.account.run))
