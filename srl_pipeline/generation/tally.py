"""What a generation did, counted as it goes: nothing here grows with the number of trajectories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from srl_pipeline.contracts import Revision, Scenario, Trajectory
from srl_pipeline.generation.dialogue import Abandoned

BINS = 10
"""Of the histogram of novelty."""
EXAMPLES = 3
REPAIR = "repair"
"""The strategy that comes back to a known scenario on purpose; its novelty says nothing."""


@dataclass
class Mean:
    """A running mean."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1

    @property
    def value(self) -> float:
        """0 where nothing was added."""
        return self.total / self.count if self.count else 0.0


@dataclass
class Tally:
    """Counts over candidates, in the order in which they come: those of one scenario follow one another.

    Args:
        held_out: Ids of the evaluation set.
        bucket: Axis and value -> how the coverage map calls the value (numbers in thirds).
    """

    held_out: Collection[str]
    bucket: Callable[[str, str | float], str]
    trajectories: int = 0
    kept: int = 0
    scenarios: int = 0
    near_best: int = 0
    overlap: int = 0
    duplicates: int = 0
    sent_back: int = 0
    novelty: Mean = field(default_factory=Mean)
    soft_cost: Mean = field(default_factory=Mean)
    lore_tokens: Mean = field(default_factory=Mean)
    novelty_bins: list[int] = field(default_factory=lambda: [0] * BINS)
    bands: Counter[str] = field(default_factory=Counter[str])
    values: dict[str, Counter[str]] = field(default_factory=dict[str, "Counter[str]"])
    by_strategy: dict[str, Counter[str]] = field(default_factory=dict[str, "Counter[str]"])
    reasons: Counter[str] = field(default_factory=Counter[str])
    """Answers sent back, by reason."""
    rules: Counter[str] = field(default_factory=Counter[str])
    """Answers sent back, by the rule that they broke."""
    abandoned: Counter[str] = field(default_factory=Counter[str])
    """Candidates given up, by the reason of their last rejection."""
    given_up: list[Abandoned] = field(default_factory=list[Abandoned])
    """The first of them."""
    examples: list[Trajectory] = field(default_factory=list[Trajectory])
    _last: str = ""

    def add(self, trajectory: Trajectory, *, kept: bool = False) -> None:
        """A trajectory that is part of the generation; ``kept`` from the one before."""
        self.trajectories += 1
        self.kept += kept
        self.near_best += trajectory.variant == "near_best"
        self.soft_cost.add(trajectory.soft_cost)
        self.lore_tokens.add(float(trajectory.bundle.tokens))
        self._strategy(trajectory.strategy)["trajectories"] += 1
        self._send_back(trajectory.revisions)
        if trajectory.scenario.id != self._last:
            self._last = trajectory.scenario.id
            self._scenario(trajectory.scenario, trajectory.novelty, trajectory.strategy)
        if len(self.examples) < EXAMPLES:
            self.examples.append(trajectory)

    def give_up(self, candidate: Abandoned) -> None:
        """A candidate that was abandoned."""
        self.abandoned[candidate.reason] += 1
        self._strategy(candidate.strategy)["abandoned"] += 1
        self._send_back(candidate.revisions)
        if len(self.given_up) < 20:
            self.given_up.append(candidate)

    def repeat(self, trajectory: Trajectory) -> None:
        """A trajectory that is too like an earlier one, and is left out."""
        self.duplicates += 1
        self._strategy(trajectory.strategy)["duplicates"] += 1
        self._send_back(trajectory.revisions)

    @property
    def asked(self) -> int:
        """Candidates that the teacher was asked for."""
        return self.trajectories - self.kept + self.duplicates + sum(self.abandoned.values())

    @property
    def acceptance(self) -> float:
        """Share of the candidates asked for that Model C accepted; 1 where none was asked for."""
        return 1.0 - sum(self.abandoned.values()) / self.asked if self.asked else 1.0

    def _strategy(self, name: str) -> Counter[str]:
        return self.by_strategy.setdefault(name, Counter())

    def _scenario(self, scenario: Scenario, novelty: float, strategy: str) -> None:
        self.scenarios += 1
        self.overlap += scenario.id in self.held_out
        self.bands[scenario.band] += 1
        self._strategy(strategy)["scenarios"] += 1
        for axis, value in scenario.axes.items():
            self.values.setdefault(axis, Counter())[self.bucket(axis, value)] += 1
        if strategy != REPAIR:
            self.novelty.add(novelty)
            self.novelty_bins[min(BINS - 1, int(novelty * BINS))] += 1

    def _send_back(self, revisions: Collection[Revision]) -> None:
        self.sent_back += len(revisions)
        for revision in revisions:
            self.reasons[revision.reason] += 1
            self.rules.update(revision.rules)
