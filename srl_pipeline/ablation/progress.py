"""How far an ablation is, and what is left of it: of a stage by tokens, of the whole by its parts."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from statistics import fmean

from srl_pipeline.contracts import Json
from srl_pipeline.evaluation.wording import duration
from srl_pipeline.training.optimization.observer import Observer, StageView
from srl_pipeline.training.rollouts.collector import Batch, Counts

log = logging.getLogger("srl_pipeline.ablation")


class Forecast:
    """Time left, from how long finished parts of the same kind took.

    A kind that was not seen yet is reckoned with the mean of all that were.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        self._left = list(kinds)
        self._total = len(self._left)
        self._seen: dict[str, list[float]] = {}

    def finished(self, kind: str, seconds: float) -> None:
        """A part of this kind is done, now or in an earlier run."""
        self._left.remove(kind)
        self._seen.setdefault(kind, []).append(seconds)

    def dropped(self, kind: str) -> None:
        """A part of this kind will not be made."""
        self._left.remove(kind)
        self._total -= 1

    @property
    def seconds_left(self) -> float | None:
        """None before the first part is finished."""
        if not self._seen:
            return None
        overall = fmean(seconds for times in self._seen.values() for seconds in times)
        return sum(fmean(self._seen[kind]) if kind in self._seen else overall for kind in self._left)

    def __str__(self) -> str:
        done = self._total - len(self._left)
        left = self.seconds_left
        return f"{done} of {self._total} parts" + ("" if left is None else f", about {duration(left)} left")


class TokenProgress(Observer):
    """Tells after every batch how much of a stage's budget is spent, and how long the rest will take."""

    name = "token_progress"

    def __init__(self, stage: str, tokens: int) -> None:
        self._stage, self._tokens = stage, tokens
        self._counts, self._begun, self._first = Counts(), time.monotonic(), 0

    def begun(self, view: StageView) -> None:
        self._counts = view.collector.counts

    def resumed(self, view: StageView, state: Json) -> None:
        self._counts = view.collector.counts
        self._first = self._counts.tokens

    def sampled(self, step: int, batch: Batch) -> dict[str, float]:
        spent = self._counts.tokens
        pace = (time.monotonic() - self._begun) / max(1, spent - self._first)
        left = pace * max(0, self._tokens - spent)
        log.info("  %s: %s of %s tokens, about %s left", self._stage, f"{spent:,}", f"{self._tokens:,}", duration(left))
        return {}
