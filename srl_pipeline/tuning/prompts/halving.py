"""How many sets are asked how much: half of them stay each round, and are asked twice as much. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST = 4
"""Scenarios before anything is dropped, where there are so many: fewer say nothing."""


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        sets: Sets of solved tasks that take part; the bare prompt does beside them.
        tasks: Scenarios that each of them has been asked when it ends, those of earlier rounds included.
    """

    sets: int
    tasks: int


def rounds(sets: int, tasks: int) -> list[Round]:
    """The rounds for so many sets; in the last one, at most two are left and are asked everything."""
    count = max(1, math.ceil(math.log2(sets)))
    found: list[Round] = []
    for left in reversed(range(count)):
        found.append(Round(sets, tasks if left == 0 else min(tasks, max(LEAST, math.ceil(tasks / 2**left)))))
        sets = kept(sets)
    return found


def kept(sets: int) -> int:
    """How many of so many go on."""
    return math.ceil(sets / 2)


def solutions(plan: list[Round]) -> tuple[int, int]:
    """Solutions that are asked for: of prompts with solved tasks, all together, and of the bare one."""
    before = [0, *(r.tasks for r in plan)]
    return sum(r.sets * (r.tasks - b) for r, b in zip(plan, before, strict=False)), plan[-1].tasks
