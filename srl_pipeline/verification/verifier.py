"""Model C: structure, then rules; deterministic, and the only source of reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from srl_pipeline.contracts import Action, Artefact, Facts, Json, Scenario, StepResult, Verdict, Violation
from srl_pipeline.model_types import NumberField, Pack, SetField
from srl_pipeline.model_types.spec import on_grid
from srl_pipeline.verification.expressions import Evidence, Missing
from srl_pipeline.verification.rules import Rule, RuleSet, compile_rules, render

SOFT_PENALTY = 0.1
"""Reward lost for a soft violation of weight 1 (design: training, stage 2)."""
MAX_MESSAGE = 300
"""Characters of a structural message: it quotes what the student wrote, which may be long."""


class Verifier:
    """Checks steps and whole solutions of one pack."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.rules: RuleSet = compile_rules(pack)
        self._schemas: list[Validator] = [Draft202012Validator(step.json_schema()) for step in pack.spec.steps]

    @property
    def version(self) -> str:
        """Identity of the rule set."""
        return self.rules.version

    def evidence(self, scenario: Scenario, artefact: Artefact | None = None) -> Evidence:
        """Evidence for expressions about ``scenario``."""
        return Evidence(scenario.axes, scenario.facts, artefact)

    def structure_error(self, step: int, action: Json) -> str | None:
        """Why ``action`` is not valid for ``step``, or None."""
        if (problem := self._schema_error(step, action)) is not None:
            return problem if len(problem) <= MAX_MESSAGE else problem[:MAX_MESSAGE] + "…"
        for name, field in self.pack.spec.steps[step].fields.items():
            if isinstance(field, SetField) and action[name] != [w for w in field.items.enum if w in action[name]]:
                return f"{name}: write the words in this order: {', '.join(field.items.enum)}"
            if isinstance(field, NumberField) and not on_grid(field, action[name]):
                return f"{name}: {action[name]} is not on the grid of {field.multipleOf} from {field.minimum}"
        return None

    def _schema_error(self, step: int, action: Json) -> str | None:
        try:
            error = next(self._schemas[step].iter_errors(action), None)
        except (RecursionError, ValueError, OverflowError):  # hostile depth, or numbers that no float or text can hold
            return "it is nested too deeply or holds a number that is too large"
        if error is None:
            return None
        path = ".".join(str(p) for p in error.absolute_path)
        return f"{path}: {error.message}" if path else error.message

    def check_step(self, scenario: Scenario, before: Artefact, step: int, action: Json) -> StepResult:
        """Check one step, given the artefact of the steps before it."""
        return self._check(scenario, before, step, action)[0]

    def verify(self, scenario: Scenario, actions: Sequence[Json]) -> Verdict:
        """Check a whole solution: one action a step, in order; fewer than all steps is an incomplete solution."""
        results: list[StepResult] = []
        considered: list[str] = []
        artefact: Artefact = {}
        for step, action in enumerate(actions[: len(self.pack.spec.steps)]):
            result, rules = self._check(scenario, artefact, step, action)
            results.append(result)
            considered += rules
            if result.structure_ok:
                artefact |= action
        complete = len(actions) == len(self.pack.spec.steps)
        correct = complete and all(r.hard_ok for r in results)
        soft = sum(v.weight for r in results for v in r.violations if v.severity == "soft")
        return Verdict(
            steps=results,
            complete=complete,
            correct=correct,
            outcome_reward=min(1.0, max(0.0, 1.0 - SOFT_PENALTY * soft)) if correct else 0.0,
            considered=considered,
        )

    def _check(self, scenario: Scenario, before: Artefact, step: int, action: Json) -> tuple[StepResult, list[str]]:
        if problem := self.structure_error(step, action):
            title = self.pack.spec.steps[step].title
            violation = Violation(
                rule_id="schema", severity="hard", weight=1.0, skill="format", step=step, message=f"{title}: {problem}"
            )
            return StepResult(step=step, structure_ok=False, violations=[violation], compliance=0.0), []
        artefact = {**before, **action}
        evidence = self.evidence(scenario, artefact)
        violations: list[Violation] = []
        considered: list[str] = []
        total = kept = 0.0
        for rule in self.rules.at(step):
            outcome = judge(rule, evidence)
            if outcome is None:
                continue
            considered.append(rule.id)
            total += rule.weight
            if outcome is True:
                kept += rule.weight
            else:
                missing = outcome if isinstance(outcome, Missing) else None
                violations.append(rule.violation(missing, self.message(rule, scenario.axes, scenario.facts, artefact)))
        compliance = kept / total if total else 1.0
        return StepResult(step=step, structure_ok=True, violations=violations, compliance=compliance), considered

    def message(self, rule: Rule, axes: Mapping[str, Json], facts: Facts, artefact: Artefact) -> str:
        """The rule's message for this artefact."""
        return render(rule.spec.message, axes, facts, artefact, self.pack.spec)

    def because(self, rule: Rule, scenario: Scenario, artefact: Artefact) -> str:
        """The fact or law that the rule rests on, as a clause."""
        return render(rule.spec.because, scenario.axes, scenario.facts, artefact, self.pack.spec)


def judge(rule: Rule, evidence: Evidence) -> bool | Missing | None:
    """None: the rule does not apply. True/False: it holds or not. Missing: evidence is absent, which scores 0."""
    applies = rule.applies(evidence)
    if isinstance(applies, Missing):
        return applies
    return rule.holds(evidence) if applies else None


def artefact_of(actions: Sequence[Action]) -> Artefact:
    """The union of actions."""
    return {k: v for action in actions for k, v in action.items()}
