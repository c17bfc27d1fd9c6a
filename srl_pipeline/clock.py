"""The one clock: wall time for records, a monotonic stop-watch for durations."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_iso() -> str:
    """UTC now, ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class StopWatch:
    """Seconds since it was made; monotonic."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start
