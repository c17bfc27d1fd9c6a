"""How long the calls of one generation may take together."""

from __future__ import annotations

import time
from threading import Event

from srl_pipeline.errors import TeacherError


class Deadline:
    """Counts from its construction. Waits end early when it is over or `stop` is called.

    Args:
        seconds: For all calls together; None: no limit.
        where: The teacher, for the error.
    """

    def __init__(self, seconds: float | None, where: str) -> None:
        self._seconds = seconds
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._where = where
        self._stopped = Event()

    @property
    def remaining(self) -> float:
        """Seconds left; infinite without a limit."""
        return float("inf") if self._ends is None else self._ends - time.monotonic()

    def check(self) -> None:
        """Raises TeacherError when the time is over, or when stopped."""
        if self._stopped.is_set():
            raise TeacherError(
                "The teacher was closed while a call was waiting.", where=self._where, mend="See the error before it."
            )
        if self.remaining <= 0:
            raise self._over()

    def sleep(self, seconds: float) -> None:
        """Wait; raises TeacherError at once when the time would be over by then, and when stopped meanwhile."""
        if seconds >= self.remaining:
            raise self._over()
        self._stopped.wait(seconds)
        self.check()

    def stop(self) -> None:
        """End all waits."""
        self._stopped.set()

    def _over(self) -> TeacherError:
        return TeacherError(
            f"The {self._seconds:g} seconds for all calls of this generation are over.",
            where=self._where,
            mend="Run again: paid answers are kept. Or allow more time, or more calls at once.",
        )
