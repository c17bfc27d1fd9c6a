"""Whether any artefact obeys some rules at all: a search that, unlike the expert's, ends with a proof.

It sets only the fields that the rules read, one at a time, and goes back as soon as a rule is broken. Where every
value of a field fails, the rules that refused them are the proof that the fields before it cannot stay as they are;
the search then returns to the latest field that those rules read (conflict-directed backjumping: Prosser,
Computational Intelligence 9 (1993) 268-299), so that fields which have nothing to do with a contradiction do not
multiply the work.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srl_pipeline.contracts import Artefact, Json
from srl_pipeline.verification import Evidence, Rule, judge


@dataclass(frozen=True)
class Refutation:
    """No artefact obeys these rules together: proved."""

    rules: tuple[Rule, ...]


class Budget:
    """How often rules may be asked, and for how long, before the question is left open.

    The count makes an answer repeatable; the clock only stops rules that are slow.
    """

    def __init__(self, judgements: int, seconds: float) -> None:
        self.judgements = judgements
        self._end = time.monotonic() + seconds

    def spend(self) -> None:
        """Pay for asking one rule; raises when there is nothing left."""
        self.judgements -= 1
        if self.judgements < 0 or time.monotonic() > self._end:
            raise _OutOfBudget


class _OutOfBudget(Exception):
    """The budget is spent; `find_artefact` turns it into 'not known'."""


def find_artefact(
    rules: Sequence[Rule], domains: Mapping[str, Sequence[Json]], evidence: Evidence, budget: Budget
) -> Artefact | Refutation | None:
    """Values for the fields that ``rules`` read under which all of them hold, the proof that there are none, or None
    when the budget ends first.

    ``evidence`` is about a scenario, without artefact; its fields are overwritten.
    """
    search = _Search(rules, domains, evidence, budget)
    try:
        refuted = search.descend(0)
    except _OutOfBudget:
        return None
    if refuted is None:
        return search.artefact
    return Refutation(tuple(rule for i, rule in enumerate(rules) if i in refuted.rules))


@dataclass(frozen=True)
class _Dead:
    """Why a branch is dead: rules (by index) that refused it, and the fields before it that they read."""

    fields: frozenset[str]
    rules: frozenset[int]


class _Search:
    def __init__(
        self, rules: Sequence[Rule], domains: Mapping[str, Sequence[Json]], evidence: Evidence, budget: Budget
    ) -> None:
        self._rules, self._domains, self._evidence, self._budget = rules, domains, evidence, budget
        self._names = _field_order(rules, domains)
        at = {name: i for i, name in enumerate(self._names)}
        self._due: list[list[int]] = [[] for _ in self._names]
        for i in sorted(range(len(rules)), key=lambda i: len(rules[i].fields)):
            self._due[max(at[f] for f in rules[i].fields)].append(i)
        self.artefact: Artefact = {}

    def descend(self, depth: int) -> _Dead | None:
        """None when an artefact was found (it is in ``artefact``), else why there is none below."""
        if depth == len(self._names):
            return None
        name = self._names[depth]
        fields: set[str] = set()
        refused: set[int] = set()
        for value in self._domains[name]:
            self._evidence.set(name, value)
            self.artefact[name] = value
            broken = self._broken(depth)
            dead = self.descend(depth + 1) if broken is None else _Dead(self._rules[broken].fields, frozenset([broken]))
            if dead is None:
                return None
            if name not in dead.fields:
                return dead  # no value of this field matters: go back further
            fields |= dead.fields
            refused |= dead.rules
        return _Dead(frozenset(fields - {name}), frozenset(refused))

    def _broken(self, depth: int) -> int | None:
        for i in self._due[depth]:
            self._budget.spend()
            if judge(self._rules[i], self._evidence) not in (True, None):
                return i
        return None


def _field_order(rules: Sequence[Rule], domains: Mapping[str, Sequence[Json]]) -> list[str]:
    """The fields of ``rules``: always next those of the rule that needs the fewest combinations to be asked."""
    order: list[str] = []
    waiting = list(rules)

    def combinations(rule: Rule) -> int:
        product = 1
        for name in rule.fields - set(order):
            product *= len(domains[name])
        return product

    while waiting:
        rule = min(waiting, key=combinations)
        waiting.remove(rule)
        order += sorted(rule.fields - set(order), key=lambda name: (len(domains[name]), name))
    return order
