"""What the student was measured to do, and what that says of a scenario that it has not seen.

An outcome is a scenario's axes, its difficulty, the share of its episodes that were correct, and their number.

**Weakness** of an axis value (a number's third; a difficulty band) v, from the episodes of all outcomes that have it::

    rate(v) = (failures(v) + K * overall) / (episodes(v) + K),    K = 4

where overall is the failure rate over all episodes: a value that was never met is as weak as the whole. The weakness of
a scenario is the mean rate over its axis values and its band, 0 (never fails) to 1.

**Predicted pass rate** p(d) at difficulty d: outcomes are binned in tenths of difficulty; the rate of a bin is
(correct + 2 * overall) / (episodes + 2); the bins are pooled until no harder one passes more often (pool adjacent
violators, weights episodes + 2); p is linear between the mean difficulties of the bins and constant beyond them.
**Learnability** is 4 p (1 - p): 1 where half the episodes pass, 0 where all or none do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.generation.drawing.codes import AxisCodes, Digits

WEAKNESS_PRIOR = 4.0
RATE_PRIOR = 2.0
BINS = 10
BANDS = 3


class Outcome(Record):
    """One scenario, as the student did on it."""

    axes: dict[str, str | float]
    difficulty: float = Field(ge=0.0, le=1.0)
    correct: float = Field(ge=0.0, le=1.0, description="Share of its episodes that were correct.")
    episodes: int = Field(ge=1)


class Weakness:
    """Failure rates by axis value and difficulty band; of no use without outcomes: check ``known``."""

    def __init__(self, codes: AxisCodes, outcomes: Sequence[Outcome]) -> None:
        self._codes = codes
        failures = [[0.0] * codes.buckets(axis) for axis in range(len(codes.names))] + [[0.0] * BANDS]
        episodes = [[0] * len(row) for row in failures]
        for outcome in outcomes:
            digits = codes.encode(outcome.axes)
            if digits is None:
                continue  # of an axis value that the pack no longer has
            for row, place in enumerate(self._places(digits, outcome.difficulty)):
                failures[row][place] += outcome.episodes * (1.0 - outcome.correct)
                episodes[row][place] += outcome.episodes
        total = sum(episodes[-1])
        self.known = total > 0
        self.overall = sum(failures[-1]) / total if total else 0.0
        self._rates = [
            [(f + WEAKNESS_PRIOR * self.overall) / (n + WEAKNESS_PRIOR) for f, n in zip(*rows, strict=True)]
            for rows in zip(failures, episodes, strict=True)
        ]

    def of(self, digits: Digits, difficulty: float) -> float:
        """The weakness of a scenario, 0..1."""
        places = self._places(digits, difficulty)
        return sum(rates[place] for rates, place in zip(self._rates, places, strict=True)) / len(places)

    def _places(self, digits: Digits, difficulty: float) -> list[int]:
        buckets = [self._codes.bucket(axis, digit) for axis, digit in enumerate(digits)]
        return [*buckets, band_of(difficulty)]


def band_of(difficulty: float) -> int:
    """The difficulty band, 0 for easy."""
    return min(BANDS - 1, int(difficulty * BANDS))


class PassCurve:
    """The predicted pass rate by difficulty; never rises. Needs at least one outcome."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        bins = [_Bin() for _ in range(BINS)]
        for outcome in outcomes:
            bins[min(BINS - 1, int(outcome.difficulty * BINS))].add(outcome)
        filled = [b for b in bins if b.episodes]
        overall = sum(b.correct for b in filled) / sum(b.episodes for b in filled)
        self._at = [b.difficulty / b.episodes for b in filled]
        self._rates = falling(
            [(b.correct + RATE_PRIOR * overall) / (b.episodes + RATE_PRIOR) for b in filled],
            [b.episodes + RATE_PRIOR for b in filled],
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest rate predicted."""
        return self._rates[-1], self._rates[0]

    def __call__(self, difficulty: float) -> float:
        """p(d)."""
        right = bisect_left(self._at, difficulty)
        if right in (0, len(self._at)):
            return self._rates[0 if right == 0 else -1]
        low, high = self._at[right - 1], self._at[right]
        share = (difficulty - low) / (high - low)
        return self._rates[right - 1] * (1 - share) + self._rates[right] * share


def learnability(pass_rate: float) -> float:
    """4 p (1 - p)."""
    return 4.0 * pass_rate * (1.0 - pass_rate)


def falling(rates: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest sequence (weighted squares) that never rises: pool adjacent violators."""
    pools: list[tuple[float, float, int]] = []  # rate, weight, members
    for rate, weight in zip(rates, weights, strict=True):
        pools.append((rate, weight, 1))
        while len(pools) > 1 and pools[-2][0] < pools[-1][0]:
            (a, v, m), (b, w, n) = pools[-2:]
            pools[-2:] = [((a * v + b * w) / (v + w), v + w, m + n)]
    return [rate for rate, _, members in pools for _ in range(members)]


class _Bin:
    def __init__(self) -> None:
        self.correct, self.difficulty, self.episodes = 0.0, 0.0, 0

    def add(self, outcome: Outcome) -> None:
        self.correct += outcome.correct * outcome.episodes
        self.difficulty += outcome.difficulty * outcome.episodes
        self.episodes += outcome.episodes
