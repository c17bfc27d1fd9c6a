"""How many axis combinations of a pack are possible."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

from srl_pipeline.errors import RuleError
from srl_pipeline.verification import ScenarioSpace
from srl_pipeline.verification.expressions import compile_expression

ENUMERATE_UP_TO = 60_000


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
