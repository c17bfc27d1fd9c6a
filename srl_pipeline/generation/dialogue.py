"""The A -> B -> C loop for one scenario: the teacher proposes a step, the verifier judges it before the next is asked
for.

A rejected step goes back with the violation messages, at most ``max_revisions`` times; then this candidate is given
up and counted, with the reason.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Action, LoreBundle, Revision, Scenario, Step, Trajectory, Verdict
from srl_pipeline.teachers import Rejection, Task, Teacher
from srl_pipeline.verification import Verifier, artefact_of


@dataclass(frozen=True)
class Abandoned:
    """A candidate that was given up: which step, and the messages of its last rejection."""

    scenario_id: str
    variant: int
    step: int
    messages: list[str]


def solve(
    teacher: Teacher,
    verifier: Verifier,
    scenario: Scenario,
    bundle: LoreBundle,
    *,
    variant: int,
    max_revisions: int,
    reasoning_words: int,
    generation: int,
    novelty: float,
) -> Trajectory | Abandoned | None:
    """One candidate trajectory; None when the teacher has no solution for this variant."""
    started = time.perf_counter()
    task = Task(scenario, bundle, variant)
    steps: list[Step] = []
    revisions: list[Revision] = []
    for index in range(len(verifier.pack.spec.steps)):
        rejections: list[Rejection] = []
        while True:
            step = teacher.propose(task, steps, rejections)
            if step is None:
                if not rejections and index == 0:
                    return None
                messages = rejections[-1].messages if rejections else ["no proposal"]
                return Abandoned(scenario.id, variant, index, messages)
            before = artefact_of([s.action for s in steps])
            result = verifier.check_step(scenario, before, index, step.action)
            if result.hard_ok:
                break
            messages = [v.message for v in result.violations]
            rejections.append(Rejection(step, messages))
            revisions.append(Revision(step=index, attempt=len(rejections), action=step.action, messages=messages))
            if len(rejections) > max_revisions:
                return Abandoned(scenario.id, variant, index, messages)
        steps.append(step.model_copy(update={"reasoning": shorten(step.reasoning, reasoning_words)}))
    actions: list[Action] = [s.action for s in steps]
    verdict = verifier.verify(scenario, actions)
    return Trajectory(
        id=digest([scenario.id, teacher.ref.model_dump(), actions]),
        scenario=scenario,
        bundle=bundle,
        steps=steps,
        teacher=teacher.ref,
        variant="best" if variant == 0 else "near_best",
        soft_cost=soft_cost(verdict),
        revisions=revisions,
        generation=generation,
        novelty=novelty,
        seconds=round(time.perf_counter() - started, 6),
    )


def soft_cost(verdict: Verdict) -> float:
    """Weighted soft violations of a solution; 0 is ideal."""
    return float(sum(v.weight for v in verdict.violations if v.severity == "soft"))


def shorten(reasoning: str, words: int) -> str:
    """Whole clauses (between semicolons) up to a number of words; at least one clause unless ``words`` is 0."""
    if words == 0:
        return ""
    kept: list[str] = []
    used = 0
    for clause in reasoning.rstrip(".").split("; "):
        used += len(clause.split())
        if kept and used > words:
            break
        kept.append(clause)
    text = "; ".join(c for c in kept if c)
    return f"{text}." if text else ""
