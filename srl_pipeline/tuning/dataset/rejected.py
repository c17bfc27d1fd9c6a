"""An answer that Model C refuses, to set beside the verified one."""

from __future__ import annotations

import random

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Action, Json, Trajectory
from srl_pipeline.teachers import domain
from srl_pipeline.teachers.prompted.prompt import answer_text
from srl_pipeline.tuning.dataset.records import Origin
from srl_pipeline.verification import Verifier, artefact_of


def rejected_answer(verifier: Verifier, trajectory: Trajectory, index: int) -> tuple[str | None, Origin]:
    """An answer to step ``index`` that is well-formed and breaks a hard rule, and where it comes from.

    What the teacher itself proposed and was sent back comes first: that is the mistake which it makes. Its reasoning is
    not kept; the verified one stands in its place, so that the two answers differ in the action alone.
    """
    step = trajectory.steps[index]
    for revision in reversed(trajectory.revisions):
        if revision.step == index and revision.action and _breaks_a_rule(verifier, trajectory, index, revision.action):
            return answer_text(step.reasoning, revision.action), "revision"
    changed = _with_one_field_changed(verifier, trajectory, index)
    return (answer_text(step.reasoning, changed), "changed_field") if changed else (None, "none")


def _with_one_field_changed(verifier: Verifier, trajectory: Trajectory, index: int) -> Action | None:
    """The verified action with another value in one field, drawn by a seed among those that break a hard rule."""
    action = trajectory.steps[index].action
    fields = verifier.pack.spec.steps[index].fields
    read = {name for rule in verifier.rules.at(index) if rule.hard for name in rule.fields if name in fields}
    changes: list[tuple[str, Json]] = [
        (name, value) for name in fields if name in read for value in domain(fields[name]) if value != action[name]
    ]
    random.Random(seed_of("rejected", trajectory.scenario.id, index)).shuffle(changes)
    for name, value in changes:
        if _breaks_a_rule(verifier, trajectory, index, changed := action | {name: value}):
            return changed
    return None


def _breaks_a_rule(verifier: Verifier, trajectory: Trajectory, index: int, action: Action) -> bool:
    before = artefact_of([s.action for s in trajectory.steps[:index]])
    result = verifier.check_step(trajectory.scenario, before, index, action)
    return result.structure_ok and not result.hard_ok
