"""A stage ends when its budget is spent: time, money, tokens, whichever is first. What was learned until then is kept.

Seconds are those since the last checkpoint's count: what a killed attempt did after its last checkpoint is not in it.
"""

from __future__ import annotations

import time

from srl_pipeline.contracts import Json
from srl_pipeline.training.optimization.observer import Observer, StageView
from srl_pipeline.training.rollouts.collector import Counts
from srl_pipeline.training.rollouts.token_budget import next_batch

HOUR = 3600.0


class Clock(Observer):
    """Seconds that a stage took; those of interrupted attempts count."""

    name = "clock"

    def __init__(self) -> None:
        self.earlier = 0.0
        """Seconds of interrupted attempts."""
        self._started = time.monotonic()

    def resumed(self, view: StageView, state: Json) -> None:
        self.earlier = float(state)

    def state(self) -> Json:
        return self.seconds

    @property
    def seconds(self) -> float:
        """Of all attempts together."""
        return self.earlier + time.monotonic() - self._started


class TimeBudget(Clock):
    """So many seconds."""

    name = "time_budget"

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._most = seconds

    def stop(self, step: int) -> str:
        spent = self.seconds
        return f"the time budget of {self._most:.0f} s is spent ({spent:.0f} s)" if spent > self._most else ""


class MoneyBudget(Clock):
    """So many dollars, at the price of the machine; ``before`` is what the artifact cost before this stage, in USD."""

    name = "money_budget"

    def __init__(self, usd: float, usd_per_hour: float, before: float = 0.0) -> None:
        super().__init__()
        self._most, self._price, self._before = usd, usd_per_hour, before

    def stop(self, step: int) -> str:
        spent = self._before + cost_of(self.seconds, self._price)
        return f"the money budget of {self._most:.2f} USD is spent ({spent:.2f} USD)" if spent >= self._most else ""


class TokenBudget(Observer):
    """Generated and trained tokens together: the unit in which methods are compared at equal cost.

    The collector makes the last batches smaller, so that little more than the budget is spent, or less.
    """

    name = "token_budget"

    def __init__(self, tokens: int, prompts_per_step: int) -> None:
        self._tokens, self._full, self._counts = tokens, prompts_per_step, Counts()

    def begun(self, view: StageView) -> None:
        self._counts = view.collector.counts

    def resumed(self, view: StageView, state: Json) -> None:
        self._counts = view.collector.counts

    def stop(self, step: int) -> str:
        if next_batch(self._counts, self._tokens, self._full):
            return ""
        spent = self._counts.tokens
        how = "is spent" if spent >= self._tokens else "is spent but for less than a step is worth"
        return f"the budget of {self._tokens:,} tokens {how} ({spent:,})"


def cost_of(seconds: float, usd_per_hour: float) -> float:
    """What a machine of this price costs for so long, in USD."""
    return seconds * usd_per_hour / HOUR
