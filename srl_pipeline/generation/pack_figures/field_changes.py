"""What one changed field does to an expert's solution: which rules notice.

Every other value of every field is tried, alone, so nothing here is drawn by chance. A change counts by its chance
under a random one: first the field, then the value, each equally likely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from srl_pipeline.contracts import Artefact, Json, Scenario
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import domain
from srl_pipeline.verification import Verifier, judge

Solution = tuple[Scenario, Artefact]
Domains = Mapping[str, Sequence[Json]]


@dataclass(frozen=True)
class Change:
    """One field set to another value.

    Attributes:
        weight: Its chance among all single changes of this solution.
        broken: Ids of rules that held before and do not any more.
        hard: Ids of hard rules that do not hold now.
        dearer: Whether the weighted soft violations are more than before.
    """

    field: str
    value: Json
    weight: float
    broken: frozenset[str]
    hard: frozenset[str]
    dearer: bool


def domains_of(pack: Pack) -> dict[str, list[Json]]:
    """Field -> all its values, in the order of steps and fields."""
    return {name: domain(field) for step in pack.spec.steps for name, field in step.fields.items()}


def single_changes(verifier: Verifier, scenario: Scenario, artefact: Artefact, domains: Domains) -> Iterator[Change]:
    """Every change of one field of a complete artefact. The weights of one artefact's changes sum to 1."""
    evidence = verifier.evidence(scenario, artefact)
    rules = verifier.rules.rules
    before = {rule.id: judge(rule, evidence) in (True, None) for rule in rules}
    variable = sum(len(values) > 1 for values in domains.values())
    for name, values in domains.items():
        readers = [rule for rule in rules if name in rule.fields]
        unread = frozenset(r.id for r in rules if r.hard and not before[r.id] and name not in r.fields)
        for value in values:
            if value == artefact[name]:
                continue
            evidence.set(name, value)
            failing = [rule for rule in readers if judge(rule, evidence) not in (True, None)]
            cost = sum(r.weight for r in failing if not r.hard)
            earlier = sum(r.weight for r in readers if not r.hard and not before[r.id])
            yield Change(
                field=name,
                value=value,
                weight=1 / variable / (len(values) - 1),
                broken=frozenset(r.id for r in failing if before[r.id]),
                hard=unread | {r.id for r in failing if r.hard},
                dearer=cost > earlier,
            )
        evidence.set(name, artefact[name])
