"""Which scenarios to draw: seeded, valid, never one of the evaluation set, never one drawn before.

Novelty of a scenario: the share of axes on which it differs from the nearest scenario drawn before it (numeric axes
by distance over range), 0 for a repetition, 1 for nothing in common. Coverage: the share of pairs of axis values
(numeric axes in thirds) that were drawn at least once.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

from srl_pipeline.canonical import digest, normalise, seed_of
from srl_pipeline.contracts import Scenario
from srl_pipeline.errors import PackError, RuleError
from srl_pipeline.model_types import NumericAxis
from srl_pipeline.verification import ScenarioSpace
from srl_pipeline.verification.expressions import compile_expression

ENUMERATE_UP_TO = 60_000
PROPOSALS = 6
"""Random valid scenarios among which the most novel is taken."""
MAX_DRAWS = 400
"""Draws after which the space counts as exhausted."""

Axes = dict[str, str | float]


def evaluation_ids(space: ScenarioSpace) -> set[str]:
    """Ids of the frozen held-out scenarios: generation may never draw them."""
    pack = space.pack
    order = list(space.values)
    return {
        digest([pack.name, {axis: normalise(axes[axis]) for axis in order}])
        for axes in pack.definition.evaluation.scenarios
        if set(axes) == set(order)
    }


def evaluation_scenarios(space: ScenarioSpace, limit: int | None = None) -> list[Scenario]:
    """The held-out scenarios, in their frozen order."""
    frozen = space.pack.definition.evaluation.scenarios
    if not frozen:
        raise PackError(
            f"Pack {space.pack.name} has no evaluation set.",
            where=f"{space.pack.name}/evaluation.yaml",
            mend=f"Run 'srl-pipeline packs freeze {space.pack.name}'.",
        )
    place = space.pack.place
    return [space.scenario(axes, where=place("evaluation", str(i))) for i, axes in enumerate(frozen[:limit])]


def valid_axes(space: ScenarioSpace, rng: random.Random, attempts: int = 10_000) -> Axes:
    """A random possible axis combination; raises PackError when none is found."""
    for _ in range(attempts):
        axes = space.at(rng.randrange(space.size))
        if space.impossible(axes) is None:
            return axes
    raise PackError(
        f"{attempts:,} random scenarios were all impossible.",
        where=f"{space.pack.name}/pack.yaml, constraints",
        mend="Loosen the constraints; the last message was: " + str(space.impossible(space.at(0))),
    )


def count_valid(space: ScenarioSpace, seed: int = 0) -> tuple[int, bool]:
    """Number of possible scenarios, and whether it was counted (else estimated from 20,000 draws)."""
    if space.size <= ENUMERATE_UP_TO:
        return _count(space), True
    rng = random.Random(seed)
    draws = 20_000
    hits = sum(space.impossible(space.at(rng.randrange(space.size))) is None for _ in range(draws))
    return space.size * hits // draws, False


def _count(space: ScenarioSpace) -> int:
    tables = _forbidden(space)
    if tables is None:
        return sum(space.impossible(space.at(i)) is None for i in range(space.size))
    order = list(space.values)
    checks = [([order.index(axis) for axis in axes], wrong) for axes, wrong in tables]
    return sum(
        not any(tuple(values[i] for i in read) in wrong for read, wrong in checks)
        for values in product(*space.values.values())
    )


def _forbidden(space: ScenarioSpace) -> list[tuple[list[str], set[tuple[str | float, ...]]]] | None:
    """Of each constraint, the axes that it reads and their values that it forbids; None where that does not suffice.

    So a constraint is asked for the combinations of the axes that it reads, and not for those of all axes.
    """
    pack, first = space.pack, space.at(0)
    if pack.spec.plugins.tasks:  # which tasks there are is the plug-in's to say
        return None
    tables: list[tuple[list[str], set[tuple[str | float, ...]]]] = []
    for constraint in pack.spec.constraints:
        spec = pack.spec.model_copy(update={"constraints": [constraint]})
        alone = ScenarioSpace(replace(pack, definition=pack.definition.model_copy(update={"spec": spec})))
        paths = compile_expression(constraint.assertion, where=pack.place("constraint", constraint.id)).paths
        read = [axis for axis in space.values if any(path[1] == axis for path in paths)]
        tried = product(*(space.values[axis] for axis in read))
        try:
            wrong = {values for values in tried if alone.impossible(first | dict(zip(read, values, strict=True)))}
        except RuleError:  # it relies on a constraint before it, and may be asked only where that one holds
            return None
        tables.append((read, wrong))
    return tables


class ScenarioSampler:
    """Draws scenarios that are new with respect to ``history`` and to the evaluation set.

    Of a few random valid proposals it takes the most novel one, which spreads a small sample over the space.
    """

    def __init__(self, space: ScenarioSpace, seed: int, history: Iterable[Scenario] = ()) -> None:
        self._space = space
        self._rng = random.Random(seed_of("scenarios", space.pack.name, seed))
        self._held_out = evaluation_ids(space)
        self._drawn: dict[str, Axes] = {s.id: dict(s.axes) for s in history}
        self._recent: list[Axes] = list(self._drawn.values())

    def draw(self) -> tuple[Scenario, float]:
        """The next scenario and its novelty; raises PackError when the space is exhausted."""
        best: tuple[float, Scenario] | None = None
        proposals = 0
        for _ in range(MAX_DRAWS):
            scenario = self._space.scenario(valid_axes(self._space, self._rng), where="sampler")
            if scenario.id in self._held_out or scenario.id in self._drawn:
                continue
            novelty = self.novelty(scenario.axes)
            if best is None or novelty > best[0]:
                best = (novelty, scenario)
            proposals += 1
            if proposals == PROPOSALS:
                break
        if best is None:
            raise PackError(
                f"No new scenario is left after {len(self._drawn)} drawn and {len(self._held_out)} held out.",
                where=f"{self._space.pack.name}/pack.yaml, axes",
                mend="Add axis values, or ask for fewer trajectories.",
            )
        self._drawn[best[1].id] = dict(best[1].axes)
        self._recent.append(dict(best[1].axes))
        return best[1], best[0]

    def novelty(self, axes: Axes) -> float:
        """Distance to the nearest drawn scenario, 0..1."""
        return min((axis_distance(self._space, axes, other) for other in self._recent), default=1.0)


def axis_distance(space: ScenarioSpace, left: Axes, right: Axes) -> float:
    """Mean over axes of: 0/1 for categories, difference over range for numbers."""
    total = 0.0
    for axis, spec in space.pack.spec.axes.items():
        if isinstance(spec, NumericAxis):
            total += abs(float(left[axis]) - float(right[axis])) / ((spec.max - spec.min) or 1.0)
        else:
            total += left[axis] != right[axis]
    return total / len(space.values)


def coverage(space: ScenarioSpace, scenarios: Sequence[Scenario]) -> float:
    """Share of pairs of axis values that occur, numeric axes in thirds."""
    seen = {pair for s in scenarios for pair in _pairs(space, dict(s.axes))}
    sizes = [3 if isinstance(spec, NumericAxis) else len(spec) for spec in space.pack.spec.axes.values()]
    possible = sum(a * b for a, b in combinations(sizes, 2))
    return len(seen) / possible if possible else 1.0


def _pairs(space: ScenarioSpace, axes: Axes) -> Iterator[tuple[str, str]]:
    yield from combinations(sorted(f"{axis}={_bucket(space, axis, value)}" for axis, value in axes.items()), 2)


def _bucket(space: ScenarioSpace, axis: str, value: str | float) -> str:
    spec = space.pack.spec.axes[axis]
    if isinstance(spec, NumericAxis):
        share = (float(value) - spec.min) / ((spec.max - spec.min) or 1.0)
        return str(min(2, int(share * 3)))
    return str(value)


def freeze_evaluation(space: ScenarioSpace, count: int) -> list[Axes]:
    """Choose ``count`` scenarios to hold out for ever: a seeded draw, so the choice is nobody's taste.

    Raises PackError when that would leave generation less than half of what is possible.
    """
    valid, _ = count_valid(space)
    if not 0 < count <= valid // 2:
        raise PackError(
            f"{count} of {valid} possible scenarios cannot be held out: generation needs at least half.",
            where=f"pack {space.pack.name}, axes",
            mend="Hold out fewer (--count), or add axis values.",
        )
    rng = random.Random(seed_of("evaluation", space.pack.name))
    chosen: dict[str, Axes] = {}
    while len(chosen) < count:
        axes = valid_axes(space, rng)
        chosen.setdefault(digest(normalise(axes)), axes)
    return list(chosen.values())
