"""Figures of the scale benchmark: medians with the number of repeats, and the memory of this process.

Work is timed by the wall clock and by the processor: on a shared machine only the second can be compared.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from srl_pipeline.clock import StopWatch


@dataclass(frozen=True)
class Figure:
    """One row: what was measured, at which size, the median of so many repeats, and its unit.

    Attributes:
        cpu: Processor time in the same unit; None for what is no time.
    """

    name: str
    size: str
    value: float
    unit: str
    repeats: int = 1
    cpu: float | None = None


def timed(name: str, size: str, call: Callable[[], object], repeats: int = 1, *, parts: int = 1) -> Figure:
    """Median milliseconds of ``call``, or of each of the equal ``parts`` that it consists of."""
    walls, cpus = list[float](), list[float]()
    for _ in range(repeats):
        watch, cpu = StopWatch(), time.process_time()
        call()
        walls.append(1000 * watch.seconds / parts)
        cpus.append(1000 * (time.process_time() - cpu) / parts)
    return Figure(name, size, statistics.median(walls), "ms", repeats, statistics.median(cpus))


def peak_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
