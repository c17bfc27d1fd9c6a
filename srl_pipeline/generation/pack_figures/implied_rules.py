"""Whether a hard rule forbids anything that the other hard rules allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srl_pipeline.generation.pack_figures.field_changes import Solution, domains_of
from srl_pipeline.teachers.search.exhaustive import Budget, Refutation, find_artefact
from srl_pipeline.verification import Evidence, Rule, Verifier, judge

JUDGEMENTS = 20_000
SECONDS = 1.0


@dataclass(frozen=True)
class _Broken:
    """The opposite of a rule; it stands where an assertion stands."""

    rule: Rule

    @property
    def where(self) -> str:
        return self.rule.assertion.where

    @property
    def fields(self) -> frozenset[str]:
        return self.rule.fields

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        return self.rule.assertion.paths

    def evaluate(self, evidence: Evidence) -> bool:
        return judge(self.rule, evidence) not in (True, None)


def implied(verifier: Verifier, rule: Rule, solutions: Sequence[Solution]) -> bool | None:
    """Whether in each of these scenarios every artefact that breaks ``rule`` breaks another hard rule, too: proved.

    False when some artefact breaks it alone; None when that could not be decided, or there is no scenario.
    """
    others = [r for r in verifier.rules.rules if r.hard and r is not rule]
    opposite = Rule(rule.spec, None, _Broken(rule), rule.step)
    domains = domains_of(verifier.pack)
    undecided = not solutions
    for scenario, _ in solutions:
        evidence = verifier.evidence(scenario)
        found = find_artefact([*others, opposite], domains, evidence, Budget(JUDGEMENTS, SECONDS))
        if found is None:
            undecided = True
        elif not isinstance(found, Refutation):
            return False
    return None if undecided else True
