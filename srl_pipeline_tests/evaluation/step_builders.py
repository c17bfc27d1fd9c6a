"""Constructed step samples: small enough to know by heart."""

from __future__ import annotations

from typing import Any

from srl_pipeline.contracts import StepResult, Violation
from srl_pipeline.training.step_records import Answer, Answers, SampledPrompt, StepSamples, WrittenStep

EXPERT = {"stone": "granite", "storeys": 3}


def violation(message: str = "Granite is not quarried here.", **changes: Any) -> Violation:
    values = {"rule_id": "stone-is-local", "severity": "hard", "weight": 1.0, "skill": "materials", "step": 0}
    return Violation.model_validate(values | {"message": message} | changes)


def written(action: dict[str, Any], *violations: Violation, thought: str = "") -> WrittenStep:
    result = StepResult(step=0, structure_ok=True, violations=list(violations), compliance=0.0 if violations else 1.0)
    return WrittenStep(title="Walls", thought=thought, action=action, result=result)


def answer(action: dict[str, Any] | None = None, *violations: Violation, **changes: Any) -> Answer:
    """An SRL answer; without an action one that could not be read."""
    values: dict[str, Any] = {
        "text": "as it was written",
        "tokens": 12,
        "finished": True,
        "steps": [] if action is None else [written(action, *violations)],
        "error": "the action is not a JSON object" if action is None else "",
        "nearest": None if action is None else EXPERT,
        "reward": -1.0 if action is None else 0.5,
        "parts": {} if action is None else {"fields": 0.25, "text": 0.75},
        "correct": action == EXPERT,
        "advantage": None,
    }
    return Answer.model_validate(values | changes)


def answers(*sampled: Answer, greedy: Answer | None = None, kept: bool = True) -> Answers:
    given = [one.model_copy(update={"advantage": 0.25}) for one in sampled]
    return Answers(greedy=greedy or answer(EXPERT), sampled=given, kept=kept, std=0.1)


def prompt(number: int = 0, **changes: Any) -> SampledPrompt:
    values: dict[str, Any] = {
        "key": f"k{number}",
        "step": number,
        "title": f"Walls {number}",
        "brief": f"Design house {number}.",
        "band": "medium",
        "held_back": True,
        "text": f"You design houses.\n\nLore {number}.\n\nDesign house {number}.\n",
        "before": [],
        "before_titles": [],
        "expert": [EXPERT],
        "begin": answers(answer({"stone": "flint", "storeys": 3}, violation()), answer()),
        "end": answers(answer(EXPERT), answer({"stone": "flint", "storeys": 3}, violation())),
    }
    return SampledPrompt.model_validate(values | changes)


def samples(stage: str = "srl", *prompts: SampledPrompt) -> StepSamples:
    return StepSamples(stage=stage, temperature=0.7, prompts=list(prompts))
