"""Which prompts come next: an endless sequence, decided by the seed and by what a checkpoint holds. A resumed run
goes on exactly.

``steps`` and ``trajectories`` go through seeded permutations. ``failing`` draws the step first, in proportion to the
worth of its groups of late, then goes through the permutations of that step. The worth of a group is the share of its
answers that break a hard rule, and 0 where the group carries no signal: a step that always succeeds has nothing left to
learn, one whose answers are all alike cannot teach it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from srl_pipeline.canonical import seed_of
from srl_pipeline.training.environment.prompts import Prompt

if TYPE_CHECKING:
    from srl_pipeline.training.rollouts.collector import Counts, Group

NEWEST = 0.3
"""Share that the newest group has in a step's worth, which begins with 1: what was never tried is drawn."""
LEAST = 0.05
"""Least worth that is drawn by, so that a step that is forgotten again is noticed."""


class Draws:
    """Draws prompts, and remembers in `Counts` what was drawn."""

    def __init__(self, prompts: Sequence[Prompt], how: Literal["steps", "trajectories", "failing"], seed: int) -> None:
        self._how, self._seed = how, seed
        self._units = by_family(prompts) if how == "trajectories" else [[p] for p in prompts]
        self._steps: dict[str, list[list[Prompt]]] = {}
        if how == "failing":
            for prompt in prompts:
                self._steps.setdefault(str(prompt.step), []).append([prompt])

    def next(self, counts: Counts, least: int) -> list[Prompt]:
        """At least so many prompts; only whole trajectories where those are drawn."""
        drawn: list[Prompt] = []
        while len(drawn) < least:
            drawn += self._by_worth(counts) if self._steps else self._in_turn(self._units, counts.cursor)
            counts.cursor += 1
        return drawn

    def learn(self, counts: Counts, groups: Sequence[Group]) -> None:
        """Let sampled groups decide what is drawn next."""
        for group in groups if self._steps else ():
            step = str(group.prompt.step)
            failing = sum(not s.valid for s in group.scores) / len(group.scores) if group.signal.kept else 0.0
            counts.worth[step] = (1 - NEWEST) * counts.worth.get(step, 1.0) + NEWEST * failing

    def _by_worth(self, counts: Counts) -> list[Prompt]:
        names = list(self._steps)
        weights = [max(LEAST, counts.worth.get(name, 1.0)) for name in names]
        [step] = random.Random(seed_of(self._seed, "draw", counts.cursor)).choices(names, weights)
        place = counts.drawn.get(step, 0)
        counts.drawn[step] = place + 1
        return self._in_turn(self._steps[step], place, step)

    def _in_turn(self, units: Sequence[list[Prompt]], place: int, *what: str) -> list[Prompt]:
        """What stands at a place of the endless sequence of permutations of ``units``."""
        epoch, index = divmod(place, len(units))
        order = list(range(len(units)))
        random.Random(seed_of(self._seed, *what, "epoch", epoch)).shuffle(order)
        return units[order[index]]


def by_family(prompts: Sequence[Prompt]) -> list[list[Prompt]]:
    """Prompts of one trajectory together, in the order of the first of each."""
    families: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        families.setdefault(prompt.family, []).append(prompt)
    return list(families.values())
