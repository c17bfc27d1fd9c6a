"""Rules and tasks of a pack's plug-ins, in the form in which the verifier and the scenario space use their own."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from srl_pipeline.errors import PackError, RuleError
from srl_pipeline.model_types import Pack, RuleSpec
from srl_pipeline.model_types.plugins import (
    Axes,
    Holds,
    Kind,
    PythonRule,
    TaskSource,
    TaskText,
    guarded,
    plugin_version,
    python_rules,
    task_source,
)
from srl_pipeline.model_types.validation import validate_record
from srl_pipeline.verification.expressions import Evidence, Missing, to_doubles


@dataclass(frozen=True)
class PythonPredicate:
    """A plug-in's assertion; it stands where a compiled CEL expression stands."""

    plugin: str
    rule: str
    where: str
    check: Holds
    fields: frozenset[str]
    paths: frozenset[tuple[str, ...]] = frozenset({("facts",)})
    """A Python rule sees all facts: it counts as one that relates the artefact to the lore."""

    def evaluate(self, evidence: Evidence) -> bool | Missing:
        """Whether it holds, or which field is not there yet; raises PackError when the plug-in fails."""
        if absent := self.fields - evidence.artefact.keys():
            return Missing(f"artefact.{min(absent)}")
        # copies: what a plug-in does to its arguments must not reach the verifier
        found = guarded(
            self.check,
            dict(evidence.axes),
            deepcopy(evidence.facts),
            deepcopy(evidence.artefact),
            name=self.plugin,
            where=self.where,
        )
        if isinstance(found, bool):
            return found
        raise RuleError(
            f"Rule {self.rule!r} of plug-in {self.plugin!r} yields {found!r:.60}, not True or False.",
            where=self.where,
            mend="Return a bool.",
        )


def plugin_rules(pack: Pack) -> list[tuple[RuleSpec, PythonPredicate]]:
    """The rules that a pack's plug-in adds; none without one. Raises PackError when plug-in or rule is not usable."""
    name = pack.spec.plugins.rules
    if name is None:
        return []
    where = _checked(pack, "rules")
    known = {field for step in pack.spec.steps for field in step.fields}
    found: list[tuple[RuleSpec, PythonPredicate]] = []
    for rule in python_rules(name, where=where):
        odd = sorted(rule.fields - known) or ([] if rule.fields else ["no field"])
        if odd:
            raise RuleError(
                f"Rule {rule.id!r} of plug-in {name!r} reads {odd[0]!r}, which no step has.",
                where=where,
                mend=f"Name fields of the pack in 'fields': {', '.join(sorted(known))}.",
            )
        found.append((_spec(rule, where), PythonPredicate(name, rule.id, where, rule.holds, frozenset(rule.fields))))
    return found


def _spec(rule: PythonRule, where: str) -> RuleSpec:
    record = {
        "id": rule.id, "severity": rule.severity, "weight": rule.weight, "skill": rule.skill,
        "assert": f"Python rule {rule.id}", "message": rule.message, "because": rule.because,
    }  # fmt: skip
    return validate_record(RuleSpec, record, where=where)


class Tasks:
    """A pack's task source, its answers checked."""

    def __init__(self, pack: Pack) -> None:
        self._name = pack.spec.plugins.tasks or ""
        self._where = _checked(pack, "tasks")
        self._source: TaskSource = task_source(self._name, where=self._where)
        names = guarded(lambda: list(self._source.fact_names), name=self._name, where=self._where)
        self.fact_names: set[str] = set(names)

    def task(self, axes: Axes) -> TaskText | None:
        """The task of ``axes``; raises PackError when the plug-in fails or says something that cannot be used."""
        found = guarded(self._source.task, dict(axes), name=self._name, where=self._where)
        if found is None:
            return None
        if not isinstance(found, TaskText) or set(found.facts) != self.fact_names:
            facts = sorted(found.facts) if isinstance(found, TaskText) else type(found).__name__
            raise PackError(
                f"Plug-in {self._name!r}, task of {dict(axes)}: it gives {facts}, not the facts that it declares.",
                where=self._where,
                mend=f"Return a TaskText with exactly the facts {', '.join(sorted(self.fact_names))}.",
            )
        to_doubles(dict(found.facts))  # refuses lists that are too long, before a rule meets them
        return found


def _checked(pack: Pack, kind: Kind) -> str:
    """Where the plug-in is named; raises PackError when the installed one is not the one that was pinned."""
    name = getattr(pack.spec.plugins, kind)
    where = pack.place("plugins")
    pinned, installed = pack.definition.plugins.get(kind), plugin_version(kind, name, where=where)
    if pinned != installed:
        raise PackError(
            f"Plug-in {name!r} is installed at version {installed}; the pin asks for {pinned}.",
            where=where,
            mend="Materialize rule_set again, then what is downstream of it.",
        )
    return where
