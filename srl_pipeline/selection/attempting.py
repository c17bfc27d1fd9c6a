"""One task, solved by one teacher and judged by Model C: what candidates and prompts are compared by."""

from __future__ import annotations

from srl_pipeline.clock import StopWatch
from srl_pipeline.config import GenerationConfig
from srl_pipeline.contracts import LoreBundle, Scenario, Trajectory
from srl_pipeline.generation.dialogue import solve
from srl_pipeline.selection.asking import CountingAsker
from srl_pipeline.selection.samples import Attempt
from srl_pipeline.teachers import Teacher
from srl_pipeline.teachers.calls.records import Usage
from srl_pipeline.verification import Verifier

NOTHING = Usage(input_tokens=0, output_tokens=0)


def attempt(
    teacher: Teacher,
    verifier: Verifier,
    settings: GenerationConfig,
    scenario: Scenario,
    bundle: LoreBundle,
    counting: CountingAsker | None,
) -> Attempt:
    """Solve one task as a generation would; raises the errors of the teacher's calls.

    Args:
        counting: What ``teacher`` asks by, fresh for this task; None for a teacher that asks nobody. A time that cached
            answers were part of is not kept.
    """
    watch = StopWatch()
    found = solve(
        teacher,
        verifier,
        scenario,
        bundle,
        variant=0,
        max_revisions=settings.max_revisions,
        reasoning_words=settings.reasoning_words,
        generation=settings.generation,
        novelty=0.0,
    )
    seconds = watch.seconds
    actions = [step.action for step in found.steps] if isinstance(found, Trajectory) else None
    return Attempt(
        scenario_id=scenario.id,
        accepted=actions is not None and verifier.verify(scenario, actions).correct,
        seconds=None if counting and counting.cached else round(seconds, 6),
        usage=counting.usage if counting else NOTHING,
    )
