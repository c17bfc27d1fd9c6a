"""Which hard rules contradict each other for a scenario: a minimal set of them, by a deletion filter.

Of the rules that refute the scenario each is left out in turn; those whose absence changes nothing do not belong to
the contradiction (Chinneck and Dravnieks, ORSA Journal on Computing 3 (1991) 157-168). What the search cannot decide
within its budget is called undecided, never a contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass

from srl_pipeline.contracts import Artefact, Scenario
from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.search.exhaustive import Budget, Refutation, find_artefact
from srl_pipeline.teachers.search.step_search import domain
from srl_pipeline.verification import Rule, Verifier

MAX_JUDGEMENTS = 200_000
MAX_SECONDS = 5.0


@dataclass(frozen=True)
class Conflict:
    """No artefact obeys ``rules`` together: proved.

    Attributes:
        minimal: Proved as well that each of them is needed for the contradiction.
    """

    rules: tuple[Rule, ...]
    minimal: bool


@dataclass(frozen=True)
class Solvable:
    """There is an artefact that obeys every hard rule: these values, for the fields that hard rules read."""

    artefact: Artefact


@dataclass(frozen=True)
class Undecided:
    """The budget ended before there was an artefact or a proof that there is none."""


def find_conflict(
    verifier: Verifier, scenario: Scenario, judgements: int = MAX_JUDGEMENTS, seconds: float = MAX_SECONDS
) -> Conflict | Solvable | Undecided:
    """Whether the hard rules contradict each other for ``scenario``, and which.

    ``judgements`` (times that a rule is asked) and ``seconds`` bound all its searches together. Raises RuleError when
    a rule cannot be evaluated.
    """
    domains = {name: domain(field) for step in verifier.pack.spec.steps for name, field in step.fields.items()}
    budget = Budget(judgements, seconds)

    def search(rules: tuple[Rule, ...]) -> Artefact | Refutation | None:
        return find_artefact(rules, domains, verifier.evidence(scenario), budget)

    found = search(tuple(rule for rule in verifier.rules.rules if rule.hard))
    if found is None:
        return Undecided()
    if not isinstance(found, Refutation):
        return Solvable(found)
    kept, minimal = found.rules, True
    for rule in found.rules:
        if rule not in kept:
            continue
        without = search(tuple(r for r in kept if r is not rule))
        if isinstance(without, Refutation):
            kept = without.rules
        elif without is None:
            minimal = False
    return Conflict(kept, minimal)


def no_solution(verifier: Verifier, scenario: Scenario, step: str) -> TeacherError:
    """The error for a scenario that the expert did not solve: which rules exclude each other, if that can be proved.

    ``step`` is the title of the step that the expert did not get beyond.
    """
    place = f"{scenario.model_type}, scenario {scenario.id} {dict(scenario.axes)}, step {step!r}"
    found = find_conflict(verifier, scenario)
    if isinstance(found, Conflict):
        places = "; ".join(f"{rule.id}: {rule.assertion.where}" for rule in found.rules)
        return TeacherError(
            f"No artefact satisfies the hard rules of this scenario: {_contradiction(found)} (proved).",
            where=f"{places}; {place}",
            mend="Loosen one of these rules, mend the facts that they read, "
            "or exclude the scenario by a constraint in pack.yaml.",
        )
    if isinstance(found, Solvable):
        return TeacherError(
            "The expert found no artefact within its bound, though one satisfies all hard rules: "
            f"{dict(found.artefact)}.",
            where=place,
            mend="Make the steps smaller or their rules checkable earlier: let a rule read fields of as few steps "
            "as it can.",
        )
    return TeacherError(
        "No artefact that satisfies the hard rules was found within the search's bound; "
        "that there is none is not proved.",
        where=place,
        mend="A rule may contradict another or a constraint be missing: look at the rules of that step.",
    )


def _contradiction(conflict: Conflict) -> str:
    names = [repr(rule.id) for rule in conflict.rules]
    if len(names) == 1:
        return f"rule {names[0]} alone excludes every artefact"
    text = f"rules {', '.join(names[:-1])} and {names[-1]} exclude each other"
    return text if conflict.minimal else f"{text}, perhaps fewer of them already"
