"""The rule set of a pack, compiled and checked against the pack's steps, axes and facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

from srl_pipeline.contracts import Artefact, Facts, Json, Violation
from srl_pipeline.errors import RuleError
from srl_pipeline.model_types import Pack, PackSpec, RuleSpec
from srl_pipeline.model_types.plugins import TASK
from srl_pipeline.model_types.spec import number_text
from srl_pipeline.verification.expressions import Evidence, Expression, Missing, compile_expression
from srl_pipeline.verification.plugin_rules import Tasks, plugin_rules

_PLACEHOLDER = re.compile(r"\{(scenario|facts|artefact)\.([\w.]+)\}")


class Predicate(Protocol):
    """A compiled CEL expression, or a plug-in's Python: something that evidence makes true or false."""

    @property
    def where(self) -> str: ...
    @property
    def fields(self) -> frozenset[str]: ...
    @property
    def paths(self) -> frozenset[tuple[str, ...]]: ...
    def evaluate(self, evidence: Evidence) -> Any: ...


@dataclass(frozen=True)
class Rule:
    """A compiled rule."""

    spec: RuleSpec
    when: Predicate | None
    assertion: Predicate
    step: int
    """Index of the last step whose fields it reads: it is checked when that step is written."""

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def hard(self) -> bool:
        return self.spec.severity == "hard"

    @property
    def weight(self) -> float:
        return self.spec.weight

    @cached_property
    def fields(self) -> frozenset[str]:
        """Artefact fields that it reads."""
        return self.assertion.fields | (self.when.fields if self.when else frozenset[str]())

    @cached_property
    def reads_facts(self) -> bool:
        """Whether it relates the artefact to the lore."""
        expressions = [self.assertion, *([self.when] if self.when else [])]
        return any(path[0] == "facts" for e in expressions for path in e.paths)

    def applies(self, evidence: Evidence) -> bool | Missing:
        """Whether its condition holds."""
        return True if self.when is None else self._truth(self.when, evidence)

    def holds(self, evidence: Evidence) -> bool | Missing:
        """Whether its assertion holds; ask only where it applies."""
        return self._truth(self.assertion, evidence)

    def _truth(self, expression: Predicate, evidence: Evidence) -> bool | Missing:
        value = expression.evaluate(evidence)
        if isinstance(value, (bool, Missing)):
            return value
        raise RuleError(
            f"Rule {self.id!r} yields {value!r}, not true or false.",
            where=expression.where,
            mend="Make it a comparison.",
        )

    def violation(self, missing: Missing | None, message: str) -> Violation:
        """The record of its violation."""
        return Violation(
            rule_id=self.id,
            severity=self.spec.severity,
            weight=self.weight,
            skill=self.spec.skill,
            step=self.step,
            message=f"Missing evidence: {missing.name}." if missing else message,
            evidence="missing" if missing else "present",
        )


@dataclass(frozen=True)
class RuleSet:
    """All rules of a pack. Its identity is the pack definition's content hash."""

    version: str
    rules: tuple[Rule, ...]

    @cached_property
    def by_step(self) -> dict[int, tuple[Rule, ...]]:
        """Rules by the step that completes their evidence."""
        return {step: tuple(r for r in self.rules if r.step == step) for step in {r.step for r in self.rules}}

    def at(self, step: int) -> tuple[Rule, ...]:
        """Rules that are checked when ``step`` is written."""
        return self.by_step.get(step, ())


def compile_rules(pack: Pack) -> RuleSet:
    """Compile a pack's rules; raises RuleError with file and line."""
    spec = pack.spec
    known_facts = facts_of_axes(pack)
    step_of = {name: i for i, step in enumerate(spec.steps) for name in step.fields}
    rules: list[Rule] = []
    for rule in pack.definition.rules.rules:
        place = {part: pack.place("rule", rule.id, part) for part in ("when", "assert", "message", "because")}
        when = compile_expression(rule.when, where=place["when"]) if rule.when else None
        assertion = compile_expression(rule.assertion, where=place["assert"])
        check_names(assertion, spec, known_facts, step_of, place["assert"])
        if when:
            check_names(when, spec, known_facts, step_of, place["when"])
        _check_placeholders(rule.message, spec, known_facts, step_of, place["message"])
        _check_placeholders(rule.because, spec, known_facts, step_of, place["because"])
        fields = assertion.fields | (when.fields if when else frozenset[str]())
        if not fields:
            raise RuleError(
                f"Rule {rule.id!r} reads no field of the artefact.",
                where=place["assert"],
                mend="Refer to artefact.<field>.",
            )
        rules.append(Rule(rule, when, assertion, max(step_of[f] for f in fields)))
    for extra, predicate in plugin_rules(pack):
        _check_placeholders(extra.message, spec, known_facts, step_of, predicate.where)
        _check_placeholders(extra.because, spec, known_facts, step_of, predicate.where)
        if any(extra.id == rule.id for rule in rules):
            raise RuleError(f"Rule id {extra.id!r} stands twice.", where=predicate.where, mend="Rename one of them.")
        rules.append(Rule(extra, None, predicate, max(step_of[f] for f in predicate.fields)))
    if not rules:
        raise RuleError("The pack has no rule.", where=f"pack {pack.name}, rules.yaml", mend="Add a rule.")
    return RuleSet(pack.definition.version, tuple(rules))


def facts_of_axes(pack: Pack) -> dict[str, set[str]]:
    """Axis -> names of the facts that its values' documents bind; and those of the task source."""
    found = {
        axis: {name for v in values.values() if v.lore for name in pack.documents[v.lore].facts}
        for axis, values in pack.spec.axes.items()
        if isinstance(values, dict)
    }
    return found | ({TASK: Tasks(pack).fact_names} if pack.spec.plugins.tasks else {})


def check_names(
    expression: Expression, spec: PackSpec, facts: dict[str, set[str]], fields: Mapping[str, int], where: str
) -> None:
    """Refuse fields, axes and facts that do not exist."""
    for name in sorted(expression.fields - set(fields)):
        raise RuleError(f"No step has field {name!r}.", where=where, mend=f"Use one of {', '.join(sorted(fields))}.")
    for root, axis, *rest in sorted(expression.paths):
        if root == "scenario" and (axis not in spec.axes or rest):
            name = ".".join((axis, *rest))
            raise RuleError(f"There is no axis {name!r}.", where=where, mend=f"Use one of {', '.join(spec.axes)}.")
        if root == "facts" and (len(rest) != 1 or rest[0] not in facts.get(axis, ())):
            known = ", ".join(sorted(facts.get(axis, ()))) or "none"
            raise RuleError(
                f"There is no fact {'.'.join((root, axis, *rest))!r}.",
                where=where,
                mend=f"Use facts.<axis>.<fact>; axis {axis} has {known}.",
            )


def render(template: str, axes: Mapping[str, Json], facts: Facts, artefact: Artefact, spec: PackSpec) -> str:
    """Fill ``{scenario.x}``, ``{facts.a.b}``, ``{artefact.y}`` in; what is absent stays visible as ``?``."""

    def value(match: re.Match[str]) -> str:
        root, path = match[1], match[2].split(".")
        if root == "scenario":
            return spec.label(path[0], axes[path[0]]) if path[0] in axes else "?"
        found: Json = facts if root == "facts" else artefact
        for part in path:
            found = cast("dict[str, Json]", found).get(part) if isinstance(found, dict) else None
        return words(found)

    return _PLACEHOLDER.sub(value, template)


def words(value: Json) -> str:
    """A JSON value as prose."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(words(v) for v in cast("list[Json]", value)) or "nothing"
    return number_text(value) if isinstance(value, (int, float)) else str(value).replace("_", " ")


def _check_placeholders(
    text: str, spec: PackSpec, facts: dict[str, set[str]], fields: Mapping[str, int], where: str
) -> None:
    for root, path in _PLACEHOLDER.findall(text):
        first, _, rest = path.partition(".")
        known = {"scenario": first in spec.axes, "artefact": first in fields, "facts": rest in facts.get(first, ())}
        if not known[root]:
            raise RuleError(f"{{{root}.{path}}} names nothing.", where=where, mend="Name an axis, a fact or a field.")
