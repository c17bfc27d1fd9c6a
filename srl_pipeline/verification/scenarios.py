"""Make and check one scenario of a pack: what its axes mean, which facts bind it, whether it can be."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping

from srl_pipeline.canonical import digest, normalise
from srl_pipeline.contracts import Facts, Scenario
from srl_pipeline.errors import PackError
from srl_pipeline.model_types import NumericAxis, Pack
from srl_pipeline.model_types.plugins import TASK
from srl_pipeline.verification.expressions import Evidence, Expression, compile_expression
from srl_pipeline.verification.plugin_rules import Tasks
from srl_pipeline.verification.rules import check_names, facts_of_axes

Axes = Mapping[str, str | float]


class ScenarioSpace:
    """All scenarios of a pack: constraints and difficulty, compiled once."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._tasks = Tasks(pack) if pack.spec.plugins.tasks else None
        facts = facts_of_axes(pack)
        self._constraints = [
            (c, self._compile(c.assertion, pack.place("constraint", c.id, "assert"), facts))
            for c in pack.spec.constraints
        ]
        self._difficulty = self._compile(pack.spec.difficulty, pack.place("difficulty"), facts)
        self.values: dict[str, list[str | float]] = {
            axis: list(spec.values) if isinstance(spec, NumericAxis) else list(spec)
            for axis, spec in pack.spec.axes.items()
        }

    def _compile(self, source: str, where: str, facts: dict[str, set[str]]) -> Expression:
        expression = compile_expression(source, where=where)
        check_names(expression, self.pack.spec, facts, {}, where)
        return expression

    @property
    def size(self) -> int:
        """Number of axis combinations, the impossible ones included."""
        total = 1
        for values in self.values.values():
            total *= len(values)
        return total

    def at(self, index: int) -> dict[str, str | float]:
        """The ``index``-th axis combination in mixed-radix order."""
        axes: dict[str, str | float] = {}
        for axis, values in self.values.items():
            index, digit = divmod(index, len(values))
            axes[axis] = values[digit]
        return axes

    def impossible(self, axes: Axes) -> str | None:
        """The message of the first constraint that ``axes`` (known values) breaks, or None."""
        described = self._describe(axes)
        if described is None:
            return "the task source has no such task."
        evidence = Evidence(axes, described[1])
        for constraint, expression in self._constraints:
            if expression.evaluate(evidence) is not True:
                return constraint.message
        return None

    def problem(self, axes: Axes) -> tuple[str, str] | None:
        """What is wrong with ``axes`` and how to mend it, or None."""
        if odd := sorted(set(axes) ^ set(self.values)):
            return f"Axis {odd[0]!r} is missing or unknown.", f"Give {', '.join(self.values)}."
        for axis, value in axes.items():
            if value not in self.values[axis]:
                shown = ", ".join(str(normalise(v)) for v in self.values[axis][:20])
                return f"{axis} has no value {normalise(value)!r}.", f"Use one of {shown}."
        if message := self.impossible(axes):
            return f"This scenario cannot be: {message}", "Change an axis."
        return None

    def scenario(self, axes: Axes, *, where: str) -> Scenario:
        """The scenario of ``axes``; raises PackError when a value is unknown or the combination cannot be."""
        pack = self.pack
        if problem := self.problem(axes):
            raise PackError(problem[0], where=where, mend=problem[1])
        ordered = {axis: normalise(axes[axis]) for axis in self.values}
        task, facts = self._describe(axes) or ("", {})
        difficulty = self._difficulty.evaluate(Evidence(axes, facts))
        if isinstance(difficulty, bool) or not isinstance(difficulty, (int, float)) or not math.isfinite(difficulty):
            raise PackError(
                f"The difficulty formula yields {difficulty!r}.",
                where=pack.place("difficulty"),
                mend="Make it a number.",
            )
        words = {TASK: task} if self._tasks else {}
        brief = re.sub(r"\{(\w+)\}", lambda m: words.get(m[1]) or pack.spec.label(m[1], ordered[m[1]]), pack.spec.brief)
        return Scenario(
            id=digest([pack.name, ordered]),
            model_type=pack.name,
            axes=ordered,
            brief=brief,
            facts=facts,
            documents=self._documents(axes),
            difficulty=min(1.0, max(0.0, float(difficulty))),
        )

    def _documents(self, axes: Axes) -> list[str]:
        specs = self.pack.spec.axes
        found = [spec[str(axes[axis])].lore for axis, spec in specs.items() if isinstance(spec, dict)]
        return list(dict.fromkeys(d for d in found if d))

    def _describe(self, axes: Axes) -> tuple[str, Facts] | None:
        """The task source's words (empty without one) and all facts; None when there is no such task."""
        facts = self._facts(axes)
        if self._tasks is None:
            return "", facts
        task = self._tasks.task(axes)
        return None if task is None else (task.brief, facts | {TASK: dict(task.facts)})

    def _facts(self, axes: Axes) -> Facts:
        result: Facts = {}
        for axis, spec in self.pack.spec.axes.items():
            if isinstance(spec, dict) and (document := spec[str(axes[axis])].lore):
                result[axis] = dict(self.pack.documents[document].facts)
        return result


def valid_axes(space: ScenarioSpace, rng: random.Random, attempts: int = 10_000) -> dict[str, str | float]:
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
