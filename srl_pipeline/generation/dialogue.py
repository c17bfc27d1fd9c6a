"""The A -> B -> C loop for one scenario: the teacher proposes a step, the verifier judges it before the next is asked
for.

A rejected step goes back with the violation messages, at most ``max_revisions`` times; then this candidate is given
up and counted, with the reason. So does an answer that is no step at all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Action, LoreBundle, Revision, Scenario, Step, Trajectory, Verdict
from srl_pipeline.teachers import Rejection, Task, Teacher, Unreadable
from srl_pipeline.verification import Verifier, artefact_of


@dataclass(frozen=True)
class Abandoned:
    """A candidate that was given up: which step, the messages of its last rejection, and all that was sent back."""

    scenario_id: str
    variant: int
    step: int
    messages: list[str]
    reason: str
    revisions: list[Revision] = field(default_factory=list[Revision])
    strategy: str = "fresh"


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
    strategy: str = "fresh",
    prefix: Sequence[Step] = (),
) -> Trajectory | Abandoned | None:
    """One candidate trajectory; None when the teacher has no solution for this variant.

    ``prefix`` are steps that stand already (a student's, up to its first error); Model C has accepted them.
    """
    started = time.perf_counter()
    task = Task(scenario, bundle, variant)
    steps: list[Step] = list(prefix)
    revisions: list[Revision] = []
    for index in range(len(prefix), len(verifier.pack.spec.steps)):
        rejections: list[Rejection] = []
        while True:
            answer = teacher.propose(task, steps, rejections)
            if answer is None and index == len(prefix) and not rejections:
                return None
            if answer is None:
                messages = rejections[-1].messages if rejections else ["no proposal"]
                return Abandoned(scenario.id, variant, index, messages, "no_proposal", revisions, strategy)
            sent_back = _judge(verifier, scenario, steps, index, answer)
            if sent_back is None:
                break
            revision = sent_back.model_copy(update={"attempt": len(rejections) + 1})
            rejections.append(Rejection(answer, revision.messages))
            revisions.append(revision)
            hopeless = isinstance(answer, Unreadable) and answer.final
            if hopeless or len(rejections) > max_revisions:
                return Abandoned(scenario.id, variant, index, revision.messages, revision.reason, revisions, strategy)
        assert isinstance(answer, Step)
        steps.append(answer.model_copy(update={"reasoning": shorten(answer.reasoning, reasoning_words)}))
    actions: list[Action] = [s.action for s in steps]
    verdict = verifier.verify(scenario, actions)
    return Trajectory(
        id=digest([scenario.id, teacher.ref.model_dump(), actions]),
        scenario=scenario,
        bundle=bundle,
        steps=steps,
        teacher=teacher.ref,
        variant="best" if variant == 0 else "near_best",
        strategy=strategy,
        soft_cost=soft_cost(verdict),
        revisions=revisions,
        generation=generation,
        novelty=novelty,
        seconds=round(time.perf_counter() - started, 6),
    )


def _judge(
    verifier: Verifier, scenario: Scenario, before: Sequence[Step], index: int, answer: Step | Unreadable
) -> Revision | None:
    """Why an answer may not stand, or None."""
    if isinstance(answer, Unreadable):
        return Revision(step=index, attempt=1, action=None, messages=[answer.message], reason=answer.reason)
    result = verifier.check_step(scenario, artefact_of([s.action for s in before]), index, answer.action)
    if result.hard_ok:
        return None
    return Revision(
        step=index,
        attempt=1,
        action=answer.action,
        messages=[v.message for v in result.violations],
        reason="rules" if result.structure_ok else "schema",
        rules=[v.rule_id for v in result.violations if result.structure_ok],
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
