"""Which strategy gets which share of a generation: what paid in earlier generations gets more. Pure functions.

**Yield** of a strategy s, from counts of the last generations, a generation's weight halving with each that follows::

    accepted(s) = (accepted + K * A) / (asked + K)        trajectories that Model C accepted, of those asked for
    gradient(s) = (kept + K * D) / (sampled + K)          training prompts with a gradient, of those ever sampled
    yield(s)    = accepted(s) * gradient(s) * (1 + max(0, G) * min(2, gradient(s) / D)),    K = 4

A and D are the rates over all strategies (1 where nothing was counted), so a strategy that was never tried counts as
an average one. G is how much the pass rate on the evaluation set rose in the last generation. One number cannot say
which strategy raised it: each is credited by its gradient a prompt relative to all, and not by its number of prompts,
else a strategy would pay because it was asked often.

**Shares**: every available strategy keeps a floor; the rest is divided in proportion to the yields; then the mix moves
from the previous one by at most ``step`` (total variation: half the sum of the absolute differences). The floor goes
before the step: a strategy that becomes available is tried at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

PRIOR = 4.0
MOST_CREDIT = 2.0
HALF = 0.5
"""Weight of a generation relative to the next one."""


@dataclass
class StrategyCounts:
    """What came of one strategy in one generation."""

    asked: float = 0
    """Trajectories asked for."""
    accepted: float = 0
    sampled: float = 0
    """Training prompts that were sampled at least once."""
    kept: float = 0
    """Those of them that gave a gradient at least once."""

    @property
    def accepted_share(self) -> float | None:
        """None where nothing was asked for."""
        return self.accepted / self.asked if self.asked else None

    @property
    def gradient_share(self) -> float | None:
        """None where nothing was sampled."""
        return self.kept / self.sampled if self.sampled else None


@dataclass
class GenerationYield:
    """One earlier generation: counts by strategy, and how the pass rate changed with it, if that is known."""

    generation: int
    strategies: dict[str, StrategyCounts] = field(default_factory=dict[str, StrategyCounts])
    gain: float | None = None


def pooled(generations: Sequence[GenerationYield]) -> dict[str, StrategyCounts]:
    """Counts over all generations (oldest first), older ones with less weight."""
    total: dict[str, StrategyCounts] = {}
    for age, generation in enumerate(reversed(generations)):
        for name, counts in generation.strategies.items():
            into = total.setdefault(name, StrategyCounts())
            into.asked += HALF**age * counts.asked
            into.accepted += HALF**age * counts.accepted
            into.sampled += HALF**age * counts.sampled
            into.kept += HALF**age * counts.kept
    return total


def yields(generations: Sequence[GenerationYield], strategies: Sequence[str]) -> dict[str, float]:
    """The yield of each of ``strategies`` by ``generations``, oldest first."""
    counts = pooled(generations)
    everything = StrategyCounts(
        asked=sum(c.asked for c in counts.values()),
        accepted=sum(c.accepted for c in counts.values()),
        sampled=sum(c.sampled for c in counts.values()),
        kept=sum(c.kept for c in counts.values()),
    )
    accepted = _or_one(everything.accepted_share)
    gradient = _or_one(everything.gradient_share)
    gain = max(0.0, (generations[-1].gain or 0.0) if generations else 0.0)
    found: dict[str, float] = {}
    for name in strategies:
        own = counts.get(name, StrategyCounts())
        accepts = (own.accepted + PRIOR * accepted) / (own.asked + PRIOR)
        learns = (own.kept + PRIOR * gradient) / (own.sampled + PRIOR)
        credit = min(MOST_CREDIT, learns / gradient) if gradient else 1.0
        found[name] = accepts * learns * (1.0 + gain * credit)
    return found


def next_mix(
    yields: Mapping[str, float], available: Sequence[str], previous: Mapping[str, float], *, floor: float, step: float
) -> dict[str, float]:
    """The shares of all strategies in ``yields``; they add up to 1, and those not in ``available`` have none.

    Args:
        yields: Strategy -> yield, not negative; all zero counts as all equal.
        available: At least one strategy of ``yields``.
        previous: The shares of the generation before; empty where there was none, and then no step is bounded.
        floor: Least share of an available strategy; an equal share each where the floors would not fit.
        step: Most total variation from ``previous`` (restricted to what is available and raised to the floor).
    """
    least = min(floor, 1.0 / len(available))
    free = 1.0 - least * len(available)
    total = sum(yields[name] for name in available)
    aims = {n: least + free * (yields[n] / total if total else 1.0 / len(available)) for n in available}
    start = _raised({n: previous.get(n, 0.0) for n in available}, least)
    if start:
        far = sum(abs(aims[n] - start[n]) for n in available) / 2
        way = min(1.0, step / far) if far > 0 else 1.0
        aims = {n: start[n] + way * (aims[n] - start[n]) for n in available}
    return {name: aims.get(name, 0.0) for name in yields}


def _raised(shares: Mapping[str, float], least: float) -> dict[str, float]:
    """``shares`` made to add up to 1 with none below ``least``: what the low ones need, the others give by excess."""
    total = sum(shares.values())
    if total <= 0:
        return {}
    whole = {name: share / total for name, share in shares.items()}
    lacking = sum(max(0.0, least - share) for share in whole.values())
    excess = sum(max(0.0, share - least) for share in whole.values())
    keeps = 1.0 - lacking / excess if excess > 0 else 1.0
    return {name: least + keeps * max(0.0, share - least) for name, share in whole.items()}


def allocate(shares: Mapping[str, float], count: int) -> dict[str, int]:
    """``count`` divided by ``shares`` (which add up to 1) in whole numbers: largest remainders, ties by order."""
    exact = {name: share * count for name, share in shares.items()}
    found = {name: int(value + 1e-9) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in by_remainder[: count - sum(found.values())]:
        found[name] += 1
    return found


def interleaved(allocation: Mapping[str, int]) -> Iterator[str]:
    """Every strategy as often as it is allocated, evenly spread: the furthest behind comes next."""
    total = sum(allocation.values())
    given = dict.fromkeys(allocation, 0)
    for drawn in range(1, total + 1):
        waiting = [name for name in allocation if given[name] < allocation[name]]
        name = max(waiting, key=lambda n: allocation[n] * drawn / total - given[n])
        given[name] += 1
        yield name


def _or_one(share: float | None) -> float:
    return 1.0 if share is None else share
