"""Which slices fail more than the rest.

A band or a value is compared with all other scenarios. A pair is compared with three: all other scenarios, the other
scenarios of its first value, and those of its second; its p-value is the greatest of the three and its effect the
least (an intersection-union test). So a weak value does not drag the pairs that it is part of with it.

The test is Fisher's, one-sided, as mid-p: given how many scenarios failed, they fall into the slice by chance. Single
slices and pairs are two families, each held to the false discovery rate: in one family the many small pairs would cost
the single slices most of their power. A slice whose margins allow no p at the level is not tested (Tarone).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srl_pipeline.weaknesses.exact import benjamini_hochberg, fisher_mid_p
from srl_pipeline.weaknesses.slices import Slice


@dataclass(frozen=True)
class Compared:
    """A slice beside something else: failures of n in either."""

    parent: Slice | None  # whose other scenarios it is compared with; None: all others
    n: int
    failures: int
    rest_n: int
    rest_failures: int

    @property
    def effect(self) -> float:
        """Pass rate of the rest less that of the slice; 0 without a rest."""
        return self.failures / self.n - self.rest_failures / self.rest_n if self.rest_n else 0.0

    @property
    def p(self) -> float:
        """One-sided: the slice fails more."""
        return fisher_mid_p(self.failures, *self._margins)

    @property
    def least_p(self) -> float:
        """The least that p could be with these margins."""
        n, failures, total = self._margins
        return fisher_mid_p(min(n, failures), n, failures, total)

    @property
    def _margins(self) -> tuple[int, int, int]:
        return self.n, self.failures + self.rest_failures, self.n + self.rest_n


@dataclass(frozen=True)
class SliceTest:
    """A slice that was tested, beside what it differs from least."""

    slice: Slice
    compared: Compared
    p: float


@dataclass(frozen=True)
class WeakSlice:
    """A slice that was found weak."""

    test: SliceTest
    q: float


def slice_tests(slices: Sequence[Slice], failed: int, total: int, level: float) -> list[SliceTest]:
    """The tests of those ``slices`` that could reach ``level`` at all.

    Args:
        failed: Mask of the episodes that failed.
        total: Number of episodes.
    """
    found: list[SliceTest] = []
    for one in slices:
        comparisons = [_compared(one, parent, failed, total) for parent in (None, *one.parents)]
        if any(c.least_p > level for c in comparisons):
            continue
        found.append(SliceTest(one, min(comparisons, key=lambda c: c.effect), max(c.p for c in comparisons)))
    return found


def weak(tests: Sequence[SliceTest], level: float, min_effect: float) -> list[WeakSlice]:
    """Of one family of ``tests`` those that are weak at this false discovery rate and by at least ``min_effect``."""
    adjusted = benjamini_hochberg([test.p for test in tests])
    return [
        WeakSlice(test, q)
        for test, q in zip(tests, adjusted, strict=True)
        if q <= level and test.compared.effect >= min_effect
    ]


def _compared(one: Slice, parent: Slice | None, failed: int, total: int) -> Compared:
    n, failures = one.n, (one.mask & failed).bit_count()
    within, lost = (parent.n, (parent.mask & failed).bit_count()) if parent else (total, failed.bit_count())
    return Compared(parent, n, failures, within - n, lost - failures)
