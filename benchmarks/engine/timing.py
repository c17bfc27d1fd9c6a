"""Side by side: both alternate in one process, and medians are compared, because shared machines are noisy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from transformers import TrainerCallback


@dataclass(frozen=True)
class Pair:
    """Seconds of both, and how many times ours is faster: the median of the ratios of neighbours in time."""

    stock: list[float]
    ours: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(a / b for a, b in zip(self.stock, self.ours, strict=True))

    @property
    def stock_median(self) -> float:
        return statistics.median(self.stock)

    @property
    def ours_median(self) -> float:
        return statistics.median(self.ours)


def side_by_side(stock: Callable[[], object], ours: Callable[[], object], repeats: int) -> Pair:
    """Time both in turn, after one call of each that does not count."""
    stock()
    ours()
    pairs = [(seconds(stock), seconds(ours)) for _ in range(repeats)]
    return Pair([a for a, _ in pairs], [b for _, b in pairs])


def seconds(call: Callable[[], object]) -> float:
    _finished()
    begun = time.perf_counter()
    call()
    _finished()
    return time.perf_counter() - begun


def _finished() -> None:
    """Wait for the GPU, where there is one: its work is asynchronous."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class StepTimes(TrainerCallback):
    """Seconds of each optimizer step: sampling, reward, update."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._begun = 0.0

    def on_step_begin(self, *_: object, **__: object) -> None:
        _finished()
        self._begun = time.perf_counter()

    def on_step_end(self, *_: object, **__: object) -> None:
        _finished()
        self.seconds.append(time.perf_counter() - self._begun)
