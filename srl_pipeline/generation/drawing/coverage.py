"""Coverage: the share of pairs of axis values (numeric axes in thirds) that were drawn at least once.

Gain of a proposal: pairs that it would cover for the first time, as a share of the pairs of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from srl_pipeline.contracts import Scenario
from srl_pipeline.generation.drawing.codes import AxisCodes, Digits
from srl_pipeline.verification import ScenarioSpace


class PairCoverage:
    """Pairs of axis values covered so far."""

    def __init__(self, codes: AxisCodes) -> None:
        self._codes = codes
        sizes = [codes.buckets(axis) for axis in range(len(codes.names))]
        self._starts = [sum(sizes[:axis]) for axis in range(len(sizes))]
        self._possible = sum(a * b for a, b in combinations(sizes, 2))
        self._seen: set[tuple[int, int]] = set()

    @property
    def share(self) -> float:
        """Covered pairs of all pairs, 0..1; 1 where there is only one axis."""
        return len(self._seen) / self._possible if self._possible else 1.0

    def gain(self, digits: Digits) -> float:
        """Share of the scenario's pairs that are new."""
        pairs = self._pairs(digits)
        return sum(pair not in self._seen for pair in pairs) / len(pairs) if pairs else 0.0

    def add(self, digits: Digits) -> None:
        """Cover a scenario's pairs."""
        self._seen.update(self._pairs(digits))

    def _pairs(self, digits: Digits) -> list[tuple[int, int]]:
        starts, bucket = self._starts, self._codes.bucket
        return list(combinations([starts[axis] + bucket(axis, digit) for axis, digit in enumerate(digits)], 2))


def coverage(space: ScenarioSpace, scenarios: Iterable[Scenario]) -> float:
    """The coverage of ``scenarios`` of this pack."""
    codes = AxisCodes(space)
    covered = PairCoverage(codes)
    for scenario in scenarios:
        if (digits := codes.encode(scenario.axes)) is not None:
            covered.add(digits)
    return covered.share
