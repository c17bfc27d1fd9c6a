"""How much room the rules leave for each field: where there is one right answer, where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Artefact, Json, Scenario
from srl_pipeline.generation.pack_figures.field_changes import Change, Domains, Solution, domains_of
from srl_pipeline.model_types import EnumField, FieldSpec, SetField
from srl_pipeline.teachers.search.exhaustive import Budget, Refutation, find_artefact
from srl_pipeline.verification import Evidence, Rule, Verifier, judge

JUDGEMENTS = 2_000
"""Times that rules are asked for one value before it counts as undecided."""
SECONDS = 1.0


@dataclass(frozen=True)
class FieldFreedom:
    """How many values of a field are right; means over scenarios, the expert's own value among them.

    Attributes:
        values: Values that the schema allows.
        used: Different values that the expert chose, over all scenarios.
        unused: Words of the field that the expert never wrote; empty of numbers and flags.
        best: Values that break no hard rule and no more soft ones, while all other fields stay the expert's.
        valid: Values that break no hard rule, while all other fields stay the expert's.
        possible: Values that stand in any artefact without hard violation, whatever the other fields are; over the
            scenarios in which every value could be decided, None when there was none.
        noticed: Share of the values other than the expert's at which some rule, hard or soft, breaks.
    """

    field: str
    step: str
    values: int
    used: int
    unused: list[str]
    best: float
    valid: float
    possible: float | None
    noticed: float


def field_freedom(
    verifier: Verifier, solutions: Sequence[Solution], changes: Sequence[Sequence[Change]], probed: int
) -> list[FieldFreedom]:
    """One row a field, empty without solutions.

    ``changes`` are all single changes of each solution. The right values are counted in the first ``probed`` solutions
    only, for to prove that a value is impossible takes a search.
    """
    if not solutions:
        return []
    domains = domains_of(verifier.pack)
    right = [[c for c in own if not c.hard] for own in changes[:probed]]
    possible = [
        possible_values(verifier, *solution, domains, own)
        for solution, own in zip(solutions[:probed], right, strict=True)
    ]
    found: list[FieldFreedom] = []
    for step in verifier.pack.spec.steps:
        for name, field in step.fields.items():
            others = [c for own in changes for c in own if c.field == name]
            decided = [n for counts in possible if (n := counts[name]) is not None]
            found.append(
                FieldFreedom(
                    field=name,
                    step=step.title,
                    values=len(domains[name]),
                    used=len({dumps(artefact[name]) for _, artefact in solutions}),
                    unused=_unused(field, [artefact[name] for _, artefact in solutions]),
                    best=fmean(1 + sum(c.field == name and not c.dearer for c in own) for own in right),
                    valid=fmean(1 + sum(c.field == name for c in own) for own in right),
                    possible=fmean(decided) if decided else None,
                    noticed=sum(bool(c.broken) for c in others) / len(others) if others else 0.0,
                )
            )
    return found


def possible_values(
    verifier: Verifier, scenario: Scenario, artefact: Artefact, domains: Domains, right: Sequence[Change]
) -> dict[str, int | None]:
    """Field -> number of its values that some artefact without hard violation has; None where that is undecided.

    ``artefact`` is valid, and so are the changes ``right`` of it: what they show need not be searched.
    """
    rules = [rule for rule in verifier.rules.rules if rule.hard]
    evidence = verifier.evidence(scenario)
    seen = {name: {dumps(artefact[name])} for name in domains}
    for change in right:
        seen[change.field].add(dumps(change.value))
    # What a rule about one field refuses is out of the question, and where the expert stands is where to look first.
    allowed = {
        name: sorted(_allowed(name, values, rules, evidence), key=lambda v: v != artefact[name])
        for name, values in domains.items()
    }
    entangled = [rule for rule in rules if len(rule.fields) > 1]
    read = {name for rule in entangled for name in rule.fields}
    found: dict[str, int | None] = {}
    for name, values in allowed.items():
        if name not in read:
            found[name] = len(values)
            continue
        for value in values:
            if dumps(value) in seen[name]:
                continue
            answer = _with(name, value, entangled, allowed, evidence)
            if answer is None:
                found[name] = None
                break
            if isinstance(answer, dict):  # shows as much of the values of its other fields
                for other, also in answer.items():
                    seen[other].add(dumps(also))
        else:
            found[name] = len(seen[name])
    return found


def _allowed(name: str, values: Sequence[Json], rules: Sequence[Rule], evidence: Evidence) -> list[Json]:
    own = [rule for rule in rules if rule.fields == {name}]
    kept: list[Json] = []
    for value in values:
        evidence.set(name, value)
        if all(judge(rule, evidence) in (True, None) for rule in own):
            kept.append(value)
    return kept


def _unused(field: FieldSpec, chosen: Sequence[Json]) -> list[str]:
    if isinstance(field, EnumField):
        return [word for word in field.enum if word not in chosen]
    if isinstance(field, SetField):
        return [word for word in field.items.enum if not any(word in words for words in chosen)]
    return []


def _with(
    name: str, value: Json, rules: Sequence[Rule], domains: Domains, evidence: Evidence
) -> Artefact | Refutation | None:
    """An artefact in which field ``name`` is ``value``."""
    return find_artefact(rules, {**domains, name: [value]}, evidence, Budget(JUDGEMENTS, SECONDS))
