"""One step of a pack in prose: its fields and the rules that concern it, in the pack's own words."""

from __future__ import annotations

from collections.abc import Iterator

from srl_pipeline.contracts import Artefact, Scenario
from srl_pipeline.model_types import EnumField, FieldSpec, NumberField, SetField, StepSpec
from srl_pipeline.model_types.spec import number_text
from srl_pipeline.verification import Rule, Verifier


def fields_text(step: StepSpec) -> str:
    """A line a field: what it may be, in which unit, and what it means."""
    return "\n".join(f"- {name}: {_allowed(field)}{_meaning(field)}" for name, field in step.fields.items())


def _allowed(field: FieldSpec) -> str:
    if isinstance(field, EnumField):
        return f"one of {_quoted(field.enum)}."
    if isinstance(field, SetField):
        least, most = field.minItems, field.maxItems
        count = str(least) if least == most else f"{least} to {most}"
        return f"a list of {count} of {_quoted(field.items.enum)}; each at most once, written in this order."
    if isinstance(field, NumberField):
        kind = "an integer" if field.type == "integer" else "a number"
        low, high, by = (number_text(v) for v in (field.minimum, field.maximum, field.multipleOf))
        return f"{kind} from {low} to {high} in steps of {by}{f', in {field.unit}' if field.unit else ''}."
    return "true or false."


def _quoted(words: list[str]) -> str:
    return ", ".join(f'"{w}"' for w in words)


def _meaning(field: FieldSpec) -> str:
    return f" {_one_line(field.description)}" if field.description else ""


def rules_text(verifier: Verifier, scenario: Scenario, before: Artefact, index: int) -> str:
    """The rules that this step is checked against, then those of later steps that read its fields.

    A message speaks of fields that are not chosen yet: their names stand in square brackets. A rule whose condition is
    known not to hold is left out.
    """
    steps = verifier.pack.spec.steps
    open_fields = [name for step in steps for name in step.fields if name not in before]
    shown: Artefact = {**{name: f"[{name}]" for name in open_fields}, **before}
    evidence = verifier.evidence(scenario, before)

    def lines(rules: Iterator[Rule]) -> Iterator[str]:
        for rule in rules:
            known = rule.when is not None and rule.when.fields <= before.keys()
            if known and rule.applies(evidence) is False:
                continue
            because = _one_line(verifier.because(rule, scenario, shown))
            message = _one_line(verifier.message(rule, scenario.axes, scenario.facts, shown))
            kind = "must hold" if rule.hard else f"should hold, weight {number_text(rule.weight)}"
            yield f"- {rule.id} ({kind}): {because}. When broken: {message}"

    own = list(lines(iter(verifier.rules.at(index))))
    mine = set(steps[index].fields)
    later = list(lines(r for r in verifier.rules.rules if r.step > index and r.fields & mine))
    parts = ["Rules that this step is checked against:", *(own or ["- none"])]
    if later:
        parts += ["Rules of later steps that read this step's fields, so that it must leave them a way:", *later]
    return "\n".join(parts)


def action_form(step: StepSpec) -> str:
    """The shape of the action, with the kind of each value in its place; no JSON, so that nobody copies it."""
    return "{" + ",".join(f'"{name}":{_kind(field)}' for name, field in step.fields.items()) + "}"


def _kind(field: FieldSpec) -> str:
    if isinstance(field, EnumField):
        return '"<word>"'
    if isinstance(field, SetField):
        return '["<word>"]'
    return "<number>" if isinstance(field, NumberField) else "<true or false>"


def _one_line(text: str) -> str:
    """Facts of the lore stand in a rule's message: none may begin a line of its own."""
    return " ".join(text.split()).rstrip(".")
