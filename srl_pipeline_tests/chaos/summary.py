"""Test-only: what was injected where, and how many of them were outlived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Count = tuple[int, int]
"""Injected, outlived."""


@dataclass
class Tally:
    """Counts of (driver, kind of fault) over all tests."""

    rows: dict[tuple[str, str], Count] = field(default_factory=dict[tuple[str, str], Count])
    _seen: set[str] = field(default_factory=set[str])

    def take(self, test: str, faults: Sequence[tuple[str, str, bool]]) -> None:
        """Those of one test, once."""
        if not faults or test in self._seen:
            return
        self._seen.add(test)
        for driver, kind, held in faults:
            injected, outlived = self.rows.get((driver, kind), (0, 0))
            self.rows[driver, kind] = injected + 1, outlived + held

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"driver": driver, "kind": kind, "injected": injected, "outlived": outlived}
            for (driver, kind), (injected, outlived) in sorted(self.rows.items())
        ]


def table(rows: dict[tuple[str, str], Count]) -> str:
    """A row a kind of fault, a column a driver; ``7`` for seven faults outlived, ``6 of 7`` where one was not."""
    drivers = list(dict.fromkeys(driver for driver, _ in rows))
    kinds = list(dict.fromkeys(kind for _, kind in rows))
    cells = [["", *drivers, "all"]]
    for kind in kinds:
        counts = [rows.get((driver, kind), (0, 0)) for driver in drivers]
        cells.append([kind, *map(_cell, [*counts, _sum(counts)])])
    sums = [_sum([rows.get((driver, kind), (0, 0)) for kind in kinds]) for driver in drivers]
    cells.append(["all", *map(_cell, [*sums, _sum(sums)])])
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|---" * len(cells[0]) + "|", *lines[1:]]) + "\n"


def _sum(counts: Sequence[Count]) -> Count:
    return sum(c[0] for c in counts), sum(c[1] for c in counts)


def _cell(count: Count) -> str:
    injected, outlived = count
    return "" if not injected else str(injected) if injected == outlived else f"{outlived} of {injected}"
