"""Search in one step: the best actions given the steps before, by depth-first search over the fields with pruning.

Hard rules prune as soon as their last field is set; soft rules add to the cost, and a branch that is no better than
the worst kept one is cut. Fields are tried in schema order and values in order of preference, so among equal costs
the first leaf is the preferred one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from srl_pipeline.contracts import Action, Artefact, Json, Scenario
from srl_pipeline.errors import TeacherError
from srl_pipeline.model_types import EnumField, FieldSpec, FlagField, NumberField, StepSpec
from srl_pipeline.verification import Rule, Verifier, judge

MAX_NODES = 20_000
"""Partial actions looked at in one step before the search gives up."""


@dataclass(frozen=True)
class Candidate:
    """A valid action and its weighted soft violations."""

    action: Action
    cost: float


def domain(field: FieldSpec) -> list[Json]:
    """All values that a field may take, in the schema's order."""
    if isinstance(field, EnumField):
        return list(field.enum)
    if isinstance(field, NumberField):
        return [int(v) if float(v).is_integer() else v for v in field.values]
    if isinstance(field, FlagField):
        return [True, False]
    words = field.items.enum
    return [list(c) for size in range(field.minItems, field.maxItems + 1) for c in combinations(words, size)]


class StepSearch:
    """The search space of one step."""

    def __init__(self, verifier: Verifier, index: int) -> None:
        step: StepSpec = verifier.pack.spec.steps[index]
        self._verifier = verifier
        self.names = list(step.fields)
        self.domains = {name: domain(field) for name, field in step.fields.items()}
        depth = {name: i for i, name in enumerate(self.names)}
        rules = verifier.rules.at(index)
        self._rules_at: list[list[Rule]] = [[] for _ in self.names]
        for rule in rules:
            self._rules_at[max(depth[f] for f in rule.fields if f in depth)].append(rule)

    def best(
        self, scenario: Scenario, before: Artefact, preference: Mapping[str, Sequence[Json]], keep: int
    ) -> list[Candidate]:
        """The ``keep`` best valid actions: lowest soft cost first, then preference order. Empty when there is none."""
        evidence = self._verifier.evidence(scenario, before)
        found: list[Candidate] = []
        action: Action = {}
        nodes = 0

        def bound() -> float:
            return found[-1].cost if len(found) >= keep else float("inf")

        def descend(depth: int, cost: float) -> None:
            nonlocal nodes
            if depth == len(self.names):
                at = next((i for i, c in enumerate(found) if c.cost > cost), len(found))
                found.insert(at, Candidate(dict(action), cost))
                del found[keep:]
                return
            name = self.names[depth]
            for value in preference[name]:
                nodes += 1
                if nodes > MAX_NODES:
                    return
                evidence.set(name, value)
                spent = cost
                for rule in self._rules_at[depth]:
                    if judge(rule, evidence) in (True, None):
                        continue
                    spent += float("inf") if rule.hard else rule.weight
                    if spent >= bound() or spent == float("inf"):
                        break
                if spent < bound() and spent != float("inf"):
                    action[name] = value
                    descend(depth + 1, spent)
                    if found and len(found) >= keep and bound() == 0.0:
                        return

        descend(0, 0.0)
        if nodes > MAX_NODES and not found:
            raise TeacherError(
                f"Search looked at {MAX_NODES} partial actions without finding a valid one.",
                where=f"{scenario.model_type}, scenario {scenario.id}, fields {', '.join(self.names)}",
                mend="Make the step's fields smaller or its rules less entangled.",
            )
        return found
