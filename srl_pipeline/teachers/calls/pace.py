"""How many calls an endpoint gets at once: additive increase, multiplicative decrease (as TCP does, RFC 5681)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Condition

from srl_pipeline.teachers.calls.deadline import Deadline

LONGEST_WAIT = 0.25
"""Seconds after which a waiting thread looks whether its deadline is over."""


class Pace:
    """Shared by all threads that call one endpoint.

    The limit halves at a rate limit, once for all calls that were under way together, and grows by one after as many
    successes as it allows at once. A pause that the endpoint asked for holds for all.
    """

    def __init__(self, ceiling: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = ceiling
        self._limit = float(ceiling)
        self._active = 0
        self._clock = clock
        self._resume_at = self._fell_at = clock() - 1.0
        self._change = Condition()

    @property
    def limit(self) -> int:
        """Calls at once, at present."""
        return int(self._limit)

    @contextmanager
    def slot(self, deadline: Deadline) -> Generator[float, None, None]:
        """Be one of the calls under way; gives the time of its beginning, for `limited`."""
        with self._change:
            while (wait := self._wait()) > 0:
                deadline.check()
                self._change.wait(min(wait, LONGEST_WAIT))
            deadline.check()
            self._active += 1
            began = self._clock()
        try:
            yield began
        finally:
            with self._change:
                self._active -= 1
                self._change.notify()

    def _wait(self) -> float:
        """Seconds to wait before looking again; 0: go."""
        if (pause := self._resume_at - self._clock()) > 0:
            return pause
        return LONGEST_WAIT if self._active >= self.limit else 0.0

    def succeeded(self) -> None:
        """A call was answered."""
        with self._change:
            before = self.limit
            self._limit = min(self._ceiling, self._limit + 1 / self._limit)
            if self.limit > before:
                self._change.notify()

    def limited(self, began: float) -> None:
        """A call that began at ``began`` met a rate limit."""
        with self._change:
            if began > self._fell_at:
                self._limit = max(1.0, self._limit / 2)
                self._fell_at = self._clock()

    def pause(self, seconds: float) -> None:
        """Begin no call for so long."""
        with self._change:
            self._resume_at = max(self._resume_at, self._clock() + seconds)
