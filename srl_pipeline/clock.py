"""The one clock: wall time for records, a monotonic stop-watch for durations."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

AHEAD = "SRL_CLOCK_AHEAD_SECONDS"
"""Environment variable for rehearsals: by how much the wall clock is put forward, in this process and its children."""


def now() -> datetime:
    """UTC now."""
    return datetime.now(UTC) + timedelta(seconds=float(os.environ.get(AHEAD) or 0))


def now_iso() -> str:
    """UTC now, ISO 8601 with seconds."""
    return now().isoformat(timespec="seconds")


class StopWatch:
    """Seconds since it was made; monotonic."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start
