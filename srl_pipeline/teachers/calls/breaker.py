"""A circuit breaker: an endpoint that only fails is left alone for a while, and calls fail at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock

from srl_pipeline.errors import TeacherError


class Breaker:
    """Opens after ``threshold`` failures without a success between; after ``cool_down`` seconds one call is tried.

    Args:
        where: The teacher and its endpoint, for the error.
    """

    def __init__(
        self, threshold: int, cool_down: float, where: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._cool_down = cool_down
        self._where = where
        self._clock = clock
        self._failures = 0
        self._last = ""
        self._opened_at: float | None = None
        self._trying = False
        self._lock = Lock()

    @contextmanager
    def admitted(self) -> Generator[None, None, None]:
        """Around one call. Raises TeacherError while the circuit is open."""
        trial = self._admit()
        try:
            yield
        finally:
            if trial:
                with self._lock:
                    self._trying = False

    def succeeded(self) -> None:
        """The endpoint answered, be it with a refusal."""
        with self._lock:
            self._failures = 0
            self._opened_at = None

    def failed(self, message: str) -> None:
        """The endpoint failed."""
        with self._lock:
            self._failures += 1
            self._last = message
            if self._failures >= self._threshold:
                self._opened_at = self._clock()

    def _admit(self) -> bool:
        """Whether this call is the one that is tried while all others are refused."""
        with self._lock:
            if self._opened_at is None:
                return False
            waited = self._clock() - self._opened_at
            if waited >= self._cool_down and not self._trying:
                self._trying = True
                return True
            raise TeacherError(
                f"The endpoint failed {self._failures} times in a row and is left alone for "
                f"{max(self._cool_down - waited, 0.0):.0f} more seconds; the last failure: {self._last}",
                where=self._where,
                mend="See that the endpoint is up, then run again: paid answers are kept.",
            )
