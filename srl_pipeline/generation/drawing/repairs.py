"""Repair: a student's wrong answer goes back to the teacher at its first error, with the right steps before it.

What was right is judged by the rules as they are now, not by those that the student was trained under. Its monologue
is not kept: the prefix has actions only.
"""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.contracts import Action, Scenario, Step
from srl_pipeline.verification import Verifier, artefact_of


def right_prefix(verifier: Verifier, scenario: Scenario, actions: Sequence[Action]) -> list[Step]:
    """The steps before the first error; empty where there is nothing to repair: no right step, or no error."""
    specs = verifier.pack.spec.steps
    right: list[Step] = []
    for index, (spec, action) in enumerate(zip(specs, actions, strict=False)):
        before = artefact_of([step.action for step in right])
        if not verifier.check_step(scenario, before, index, action).hard_ok:
            break
        right.append(Step(title=spec.title, reasoning="", action=action))
    return right if 0 < len(right) < len(specs) else []
