"""Where proposals come from, a strategy each; and what a proposal is worth.

- **fresh**: a random possible combination.
- **adversarial**: a training scenario on which the student fails (less than half of its episodes correct) with one or
  two axes changed. Never a scenario of the evaluation set.
- **frontier**: a random possible combination whose predicted pass rate lies in 0.2 .. 0.8.

(The fourth strategy, *repair*, proposes no scenario: `repairs`.)

**Score** of a proposal: coverage gain, novelty, weakness and learnability, each 0..1, in a weighted sum; to it the pull
of weak slices (`weak_slices`) is added. What was never measured counts 0.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing.codes import AxisCodes, Digits
from srl_pipeline.generation.drawing.conditions import Conditions
from srl_pipeline.generation.drawing.outcomes import PassCurve
from srl_pipeline.verification import ScenarioSpace

ATTEMPTS = 10_000
"""Random combinations after which a pack counts as impossible."""
TRIES = 200
"""Combinations that a strategy tries for one proposal before it says that it has none."""
FRONTIER = (0.2, 0.8)
FAILS_BELOW = 0.5


@dataclass(frozen=True)
class Weights:
    """Of the parts of a score."""

    coverage: float
    novelty: float
    weakness: float
    learnability: float


WEIGHTS = {
    "fresh": Weights(coverage=1.0, novelty=1.0, weakness=0.5, learnability=0.5),
    "adversarial": Weights(coverage=0.25, novelty=0.25, weakness=1.0, learnability=0.5),
    "frontier": Weights(coverage=0.25, novelty=0.25, weakness=0.5, learnability=1.0),
}
"""Fresh spreads over the space, adversarial goes where the student is weak, frontier where it passes half the time."""


@dataclass(frozen=True)
class Proposal:
    """A possible combination, and the id of the scenario that it was made from, if any."""

    digits: Digits
    parent: str = ""


class Proposer(Protocol):
    """A strategy that proposes scenarios."""

    def propose(self) -> Proposal | None:
        """A proposal, or None when none was found."""
        ...


class Fresh:
    """Random possible combinations."""

    def __init__(
        self, space: ScenarioSpace, codes: AxisCodes, conditions: Conditions, rng: random.Random, refused: Counter[str]
    ) -> None:
        self._space, self._codes, self._conditions = space, codes, conditions
        self._rng, self._refused = rng, refused

    def propose(self) -> Proposal:
        """Raises PackError when nothing is possible."""
        for _ in range(ATTEMPTS):
            digits = self._codes.random(self._rng)
            if self._conditions.possible(digits):
                return Proposal(digits)
            self._refused["impossible"] += 1
        raise PackError(
            f"{ATTEMPTS:,} random scenarios were all impossible.",
            where=f"{self._space.pack.name}/pack.yaml, constraints",
            mend="Loosen the constraints; the last message was: " + str(self._space.impossible(self._space.at(0))),
        )


class Adversarial:
    """Neighbours of scenarios on which the student fails.

    Args:
        parents: Their digits and ids; at least one.
    """

    def __init__(
        self,
        codes: AxisCodes,
        conditions: Conditions,
        rng: random.Random,
        refused: Counter[str],
        parents: Sequence[tuple[Digits, str]],
    ) -> None:
        self._codes, self._conditions, self._rng, self._refused = codes, conditions, rng, refused
        self._parents = parents
        self._free = [axis for axis, size in enumerate(codes.sizes) if size > 1]

    def propose(self) -> Proposal | None:
        for _ in range(TRIES if self._free else 0):
            digits, parent = self._rng.choice(self._parents)
            changed = self._changed(digits)
            if self._conditions.possible(changed):
                return Proposal(changed, parent)
            self._refused["impossible"] += 1
        return None

    def _changed(self, digits: Digits) -> Digits:
        found = list(digits)
        for axis in self._rng.sample(self._free, min(self._rng.randint(1, 2), len(self._free))):
            other = self._rng.randrange(self._codes.sizes[axis] - 1)
            found[axis] = other + (other >= digits[axis])  # any value but the one that it has
        return tuple(found)


class Frontier:
    """Random possible combinations that the student is predicted to solve now and then."""

    def __init__(
        self, fresh: Fresh, difficulty: Callable[[Digits], float], curve: PassCurve, refused: Counter[str]
    ) -> None:
        self._fresh, self._difficulty, self._curve, self._refused = fresh, difficulty, curve, refused

    def propose(self) -> Proposal | None:
        low, high = FRONTIER
        for _ in range(TRIES):
            proposal = self._fresh.propose()
            if low <= self._curve(self._difficulty(proposal.digits)) <= high:
                return proposal
            self._refused["beyond_frontier"] += 1
        return None


def has_frontier(curve: PassCurve) -> bool:
    """Whether the curve predicts a rate within the frontier anywhere."""
    lowest, highest = curve.bounds
    return lowest <= FRONTIER[1] and highest >= FRONTIER[0]
