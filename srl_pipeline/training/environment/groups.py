"""A group is one prompt with its G completions: its advantage, and whether it carries signal. Pure functions.

SRL: the group-normalised advantage (GRPO) is computed over similarity among *well-formed* rollouts, and format has an
advantage term of its own: one -1 among near-equal rewards would otherwise dominate mean and std, and a filter on the
std would pass on format alone. The paper's text makes no such difference: `paper_signal` is its literal reading.
RLVR: outcome rewards, filtered on raw correctness.

Every std here is that of the population (divided by G), in the filter as the paper writes it and in the advantage,
where the paper says no more than std. TRL divides by G - 1: its advantages are ours times sqrt((G - 1) / G).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

STD_FLOOR = 1e-4
"""Added to the std, as TRL does."""


@dataclass(frozen=True)
class Score:
    """What one completion earned.

    Attributes:
        reward: The scalar that is reported.
        well_formed: It parsed.
        correct: Its action (SRL) is the expert's, or its episode (RLVR) is verified.
        valid: Its action (SRL) or its episode (RLVR) can be read and breaks no hard rule.
        parts: Named parts of the reward, logged apart.
    """

    reward: float
    well_formed: bool
    correct: bool
    valid: bool = False
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupSignal:
    """Advantages of one group and whether it is kept."""

    advantages: list[float]
    kept: bool
    std: float


def population_std(values: Sequence[float]) -> float:
    """Population standard deviation; 0 for fewer than two values, and exactly 0 where all are equal."""
    if len(values) < 2 or min(values) == max(values):
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))


def srl_signal(scores: Sequence[Score], *, std_epsilon: float, format_weight: float) -> GroupSignal:
    """Signal of a step-wise group: kept when similarity varies among its well-formed rollouts."""
    good = [s.reward for s in scores if s.well_formed]
    std = population_std(good)
    mean = math.fsum(good) / len(good) if good else 0.0
    share = len(good) / len(scores)
    kept = std > std_epsilon
    advantages = [
        ((s.reward - mean) / (std + STD_FLOOR) if s.well_formed and kept else 0.0)
        + format_weight * (float(s.well_formed) - share)
        for s in scores
    ]
    return GroupSignal(advantages, kept, std)


def paper_signal(scores: Sequence[Score], *, std_epsilon: float) -> GroupSignal:
    """The literal step-wise signal: rewards normalised over the whole group, the format penalty among them."""
    rewards = [s.reward for s in scores]
    std = population_std(rewards)
    return GroupSignal(_normalised(rewards, std), std > std_epsilon, std)


def rlvr_signal(scores: Sequence[Score]) -> GroupSignal:
    """Signal of an outcome group: kept when some episodes are correct and some are not, whatever the shaped reward."""
    rewards = [s.reward for s in scores]
    right = sum(s.correct for s in scores)
    std = population_std(rewards)
    return GroupSignal(_normalised(rewards, std), 0 < right < len(scores), std)


def _normalised(rewards: Sequence[float], std: float) -> list[float]:
    mean = math.fsum(rewards) / len(rewards)
    return [(r - mean) / (std + STD_FLOOR) for r in rewards]
