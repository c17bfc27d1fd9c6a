"""Where and when latencies were measured: those of two kinds of machine, or of two days, are not compared.

A machine is told by its kind; no host is named.
"""

from __future__ import annotations

import os
import platform
from datetime import datetime, timedelta
from pathlib import Path

SAME_TIMES = timedelta(days=1)
"""Latencies that were measured further apart are not compared."""
_CPUS = Path("/proc/cpuinfo")


def near(one: str, other: str) -> bool:
    """Whether two times (ISO 8601 with their zone) are known and no further apart than `SAME_TIMES`."""
    try:
        return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other)) <= SAME_TIMES
    except (ValueError, TypeError):  # no time, or one without its zone
        return False


def machine_kind() -> str:
    """Processor, cores and, where there is one, accelerator; the same for all machines of a kind."""
    import torch

    parts = [_processor(), f"{os.cpu_count()} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def _processor() -> str:
    """The model that Linux tells; elsewhere, and where it tells none, the architecture."""
    text = _CPUS.read_text(encoding="utf-8", errors="replace") if _CPUS.is_file() else ""
    named = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(named, "") or platform.machine()
