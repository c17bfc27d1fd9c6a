"""The search teacher's monologue: the facts and rules that decided each choice, in the pack's own words.

A rule decided a field when some other value of that field would have broken it. Nothing else is said.
"""

from __future__ import annotations

from srl_pipeline.contracts import Action, Artefact, Scenario
from srl_pipeline.teachers.search.step_search import StepSearch
from srl_pipeline.verification import Rule, Verifier, judge

PROBES = 12
"""Alternative values tried per field."""


def explain(
    verifier: Verifier, search: StepSearch, scenario: Scenario, before: Artefact, action: Action, step: int
) -> str:
    """Clauses for the rules that decided ``action``, fields in order, joined by semicolons."""
    artefact = {**before, **action}
    evidence = verifier.evidence(scenario, artefact)
    rules = [rule for rule in verifier.rules.at(step) if judge(rule, evidence) is True]
    clauses: list[str] = []
    told: set[str] = set()
    for name in search.names:
        decided: dict[str, tuple[int, Rule]] = {}
        for value in _probes(search.domains[name], action[name]):
            evidence.set(name, value)
            for rule in rules:
                if name in rule.fields and judge(rule, evidence) not in (True, None):
                    count = decided.get(rule.id, (0, rule))[0]
                    decided[rule.id] = (count + 1, rule)
        evidence.set(name, action[name])
        if not decided:
            continue
        _, rule = min(decided.values(), key=lambda d: _merit(d[0], d[1], name, search.names))
        if rule.id not in told:
            told.add(rule.id)
            clauses.append(verifier.because(rule, scenario, artefact).rstrip("."))
    return "; ".join(dict.fromkeys(clauses)) + "." if clauses else ""


def _merit(count: int, rule: Rule, name: str, order: list[str]) -> tuple[int, bool, bool]:
    """Less is better: the rule that leaves the fewest alternatives explains a choice best; then the one that was
    waiting for this field (its last in the search's order), for it could not decide before; then a hard one.
    """
    last = max((order.index(f) for f in rule.fields if f in order), default=-1)
    return -count, order[last] != name, not rule.hard


def _probes(values: list[object], chosen: object) -> list[object]:
    others = [v for v in values if v != chosen]
    stride = max(1, len(others) // PROBES)
    return others[::stride]
