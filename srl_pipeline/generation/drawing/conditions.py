"""The pack's constraints and difficulty, asked of digits, quickly.

Each expression is evaluated on the axes and facts that it names and no others, and remembered by their values: random
proposals meet the same few values again and again. The answers are those of `ScenarioSpace`, which decides; what a
task source offers is asked of it every time.
"""

from __future__ import annotations

import math
from operator import itemgetter
from typing import Any

from srl_pipeline.canonical import normalise
from srl_pipeline.contracts import Facts
from srl_pipeline.generation.drawing.codes import AxisCodes, Digits
from srl_pipeline.verification import Evidence, ScenarioSpace
from srl_pipeline.verification.expressions import compile_expression

REMEMBER = 200_000
"""An expression that has more combinations than this is evaluated each time."""
_UNKNOWN = object()


class Conditions:
    """Whether a combination can be, and how difficult it is."""

    def __init__(self, space: ScenarioSpace, codes: AxisCodes) -> None:
        self._space, self._codes = space, codes
        pack = space.pack
        self._by_source = pack.spec.plugins.tasks is not None
        self._constraints = [
            _Remembered(space, codes, c.assertion, pack.place("constraint", c.id, "assert"))
            for c in pack.spec.constraints
        ]
        self._difficulty = _Remembered(space, codes, pack.spec.difficulty, pack.place("difficulty"))

    def possible(self, digits: Digits) -> bool:
        """Whether every constraint holds, in their order: a later one may rely on those before it."""
        if self._by_source:
            return self._space.impossible(self._codes.axes(digits)) is None
        return all(constraint.value(digits) is True for constraint in self._constraints)

    def difficulty(self, digits: Digits) -> float:
        """The difficulty of a possible combination, 0..1; raises PackError where the formula yields no number."""
        if not self._by_source:
            found = self._difficulty.value(digits)
            if isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found):
                return min(1.0, max(0.0, float(found)))
        return self._space.scenario(self._codes.axes(digits), where="drawing").difficulty


class _Remembered:
    """An expression, and its values by those of the axes that it reads."""

    def __init__(self, space: ScenarioSpace, codes: AxisCodes, source: str, where: str) -> None:
        self._space, self._codes = space, codes
        self._expression = compile_expression(source, where=where)
        paths = self._expression.paths
        self._read = [i for i, name in enumerate(codes.names) if any(name in path[1:2] for path in paths)]
        self._facts = {(path[1], path[2] if len(path) > 2 else None) for path in paths if path[0] == "facts"}
        self._key = itemgetter(*self._read) if self._read else _nothing
        self._remembers = math.prod(codes.sizes[i] for i in self._read) <= REMEMBER
        self._known: dict[Any, Any] = {}

    def value(self, digits: Digits) -> Any:
        """What the expression yields; raises RuleError as it does."""
        key = self._key(digits)
        found = self._known.get(key, _UNKNOWN)
        if found is not _UNKNOWN:
            return found
        found = self._evaluate(digits)
        if self._remembers:
            self._known[key] = found
        return found

    def _evaluate(self, digits: Digits) -> Any:
        axes = self._codes.axes(digits)
        read = {self._codes.names[i]: normalise(axes[self._codes.names[i]]) for i in self._read}
        return self._expression.evaluate(Evidence(read, self._facts_of(axes)))

    def _facts_of(self, axes: dict[str, str | float]) -> Facts:
        pack = self._space.pack
        found: Facts = {}
        for axis, fact in self._facts:
            spec = pack.spec.axes[axis]
            document = spec[str(axes[axis])].lore if isinstance(spec, dict) else None
            if document is None:
                continue
            facts = pack.documents[document].facts
            wanted = facts if fact is None else {fact: facts[fact]} if fact in facts else {}
            found.setdefault(axis, {}).update(wanted)
        return found


def _nothing(digits: Digits) -> None:
    """The key of an expression that reads no axis."""
