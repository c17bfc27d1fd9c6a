"""Test-only: faults, and which of them a run suffers. A boundary is a call that changes something below a home."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import date
from typing import Literal, TypeAlias, get_args

from srl_pipeline.contracts import Record

Kind: TypeAlias = Literal[
    "killed before",
    "killed in mid-write",
    "killed after",
    "disk full",
    "read-only disk",
    "disk error",
    "a day ahead",
    "a day back",
    "ten years ahead",
    "ten years back",
    "busy for a moment",
    "busy for long",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
KILLS: tuple[Kind, ...] = ("killed before", "killed in mid-write", "killed after")
DISK: tuple[Kind, ...] = ("disk full", "read-only disk", "disk error")
DAY, YEARS = 86_400, 10 * 365 * 86_400
CLOCKS: dict[Kind, int] = {
    "a day ahead": DAY,
    "a day back": -DAY,
    "ten years ahead": YEARS,
    "ten years back": -YEARS,
}
"""Seconds by which the wall clock jumps."""
BUSY: dict[Kind, float] = {"busy for a moment": 0.2, "busy for long": 6.0}
"""Seconds for which another process keeps a SQLite file locked; one that waits longer than the time-out is ended."""
SEED = "SRL_CHAOS_SEED"
"""Environment variable: which boundaries are struck. Unset: the day."""


class Fault(Record):
    """One fault at the n-th boundary, counted from 0."""

    kind: Kind
    nth: int

    def __str__(self) -> str:
        return f"{self.kind} at boundary {self.nth}"


def seed() -> int:
    """The seed of this run."""
    return int(os.environ.get(SEED) or date.today().strftime("%Y%m%d"))


def applicable(kind: Kind, boundaries: Sequence[str]) -> list[int]:
    """The boundaries at which a kind can strike: only a write has a middle, only SQLite is busy."""
    if kind == "killed in mid-write":
        return [n for n, name in enumerate(boundaries) if name.startswith("write ")]
    if kind in BUSY:
        return [n for n, name in enumerate(boundaries) if name.startswith("sqlite BEGIN")]
    return list(range(len(boundaries)))


def chosen(kinds: Sequence[Kind], boundaries: Sequence[str], most: int | None, *salt: object) -> list[Fault]:
    """Of each kind, faults at up to ``most`` seeded boundaries; None: at every one."""
    found: list[Fault] = []
    for kind in kinds:
        places = applicable(kind, boundaries)
        if most is not None and most < len(places):
            places = sorted(random.Random(f"{seed()} {kind} {salt}").sample(places, most))
        found += [Fault(kind=kind, nth=n) for n in places]
    return found
