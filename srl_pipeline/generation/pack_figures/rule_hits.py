"""How often each rule applies and catches something: on the expert's answers, on guesses, on answers a little wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from srl_pipeline.contracts import Scenario
from srl_pipeline.generation.pack_figures.field_changes import Change, Domains, Solution
from srl_pipeline.generation.pack_figures.implied_rules import implied
from srl_pipeline.verification import Verifier, judge

PROBED = 20
"""Scenarios in which it is asked whether a rule is implied by the others."""


@dataclass(frozen=True)
class RuleHits:
    """One row of the rule-hit matrix; shares are 0..1.

    Attributes:
        step: Number (from 1) and title of the step at which it is checked.
        applies: Share of the expert's solutions in which its condition holds.
        guessed: Share of random artefacts that break it.
        changed: Share of single changes of an expert's solution that break it.
        alone: Share of single changes that break it and no other hard rule; None of a soft rule.
        implied: Of a hard rule that no single change breaks alone: whether no artefact at all does (`implied_rules`).

    Without any solution of the expert, what rests on them is None.
    """

    rule: str
    step: str
    severity: str
    skill: str
    applies: float | None
    guessed: float
    changed: float | None
    alone: float | None
    implied: bool | None


@dataclass(frozen=True)
class Guesses:
    """What random, schema-valid artefacts did.

    Attributes:
        passed: How many broke no hard rule.
        broken: Rule id -> how many broke it.
    """

    draws: int
    passed: int
    broken: dict[str, int]


def guess(verifier: Verifier, scenarios: Sequence[Scenario], domains: Domains, draws: int, rng: Random) -> Guesses:
    """Draw complete artefacts, each field's value at random, for the scenarios in turn, and ask every rule."""
    evidence = [verifier.evidence(scenario) for scenario in scenarios]
    broken: Counter[str] = Counter()
    passed = 0
    for i in range(draws):
        about = evidence[i % len(evidence)]
        for name, values in domains.items():
            about.set(name, rng.choice(values))
        failing = [rule for rule in verifier.rules.rules if judge(rule, about) not in (True, None)]
        broken.update(rule.id for rule in failing)
        passed += not any(rule.hard for rule in failing)
    return Guesses(draws, passed, dict(broken))


def rule_hits(
    verifier: Verifier, solutions: Sequence[Solution], changes: Sequence[Change], guesses: Guesses
) -> list[RuleHits]:
    """One row a rule, in the order of rules.yaml; ``changes`` are all single changes of all ``solutions``.

    A condition for which evidence is missing counts as one that applies, as the verifier has it.
    """
    where: dict[str, list[Solution]] = {rule.id: [] for rule in verifier.rules.rules}
    for solution in solutions:
        evidence = verifier.evidence(*solution)
        for rule in verifier.rules.rules:
            if rule.applies(evidence) is not False:
                where[rule.id].append(solution)

    def share(weight: float) -> float | None:
        return weight / len(solutions) if solutions else None

    rows: list[RuleHits] = []
    for rule in verifier.rules.rules:
        alone = share(sum(c.weight for c in changes if c.hard == {rule.id})) if rule.hard else None
        rows.append(
            RuleHits(
                rule=rule.id,
                step=f"{rule.step + 1}. {verifier.pack.spec.steps[rule.step].title}",
                severity=rule.spec.severity,
                skill=rule.spec.skill,
                applies=share(len(where[rule.id])),
                guessed=guesses.broken.get(rule.id, 0) / guesses.draws,
                changed=share(sum(c.weight for c in changes if rule.id in c.broken)),
                alone=alone,
                implied=implied(verifier, rule, where[rule.id][:PROBED]) if alone == 0 else None,
            )
        )
    return rows
