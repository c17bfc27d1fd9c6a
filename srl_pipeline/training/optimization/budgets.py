"""A stage ends when its budget is spent: time, tokens, whichever is first. What was learned until then is kept."""

from __future__ import annotations

import time

from srl_pipeline.contracts import Json
from srl_pipeline.training.optimization.observer import Observer, StageView
from srl_pipeline.training.rollouts.collector import Counts


class TimeBudget(Observer):
    """Seconds since the stage began; those of interrupted attempts count."""

    name = "time_budget"

    def __init__(self, seconds: float) -> None:
        self._seconds, self._before, self._started = seconds, 0.0, time.monotonic()

    def resumed(self, view: StageView, state: Json) -> None:
        self._before = float(state)

    def stop(self, step: int) -> str:
        spent = self._spent()
        return f"the time budget of {self._seconds:.0f} s is spent ({spent:.0f} s)" if spent > self._seconds else ""

    def state(self) -> Json:
        return self._spent()

    def _spent(self) -> float:
        return self._before + time.monotonic() - self._started


class TokenBudget(Observer):
    """Generated and trained tokens together: the unit in which methods are compared at equal cost."""

    name = "token_budget"

    def __init__(self, tokens: int) -> None:
        self._tokens, self._counts = tokens, Counts()

    def begun(self, view: StageView) -> None:
        self._counts = view.collector.counts

    def resumed(self, view: StageView, state: Json) -> None:
        self._counts = view.collector.counts

    def stop(self, step: int) -> str:
        spent = self._counts.generated_tokens + self._counts.trained_tokens
        return f"the budget of {self._tokens:,} tokens is spent ({spent:,})" if spent >= self._tokens else ""
