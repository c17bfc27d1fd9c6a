"""A verified trajectory as examples: one a step, with the very prompt that the teacher is sent for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Trajectory
from srl_pipeline.teachers import Task
from srl_pipeline.teachers.prompted.prompt import answer_text, build_prompt
from srl_pipeline.tuning.dataset.cleaning import example_id
from srl_pipeline.tuning.dataset.records import Origin
from srl_pipeline.tuning.dataset.rejected import rejected_answer
from srl_pipeline.tuning.records import GraderItem, Split, TuningExample
from srl_pipeline.verification import Verifier, artefact_of


@dataclass(frozen=True)
class Made:
    """An example before it is cleaned, and where its rejected answer comes from."""

    example: TuningExample
    origin: Origin


def split_of(scenario_id: str, validation_share: float) -> Split:
    """The side of a scenario: of all its trajectories and steps."""
    draw = seed_of("tuning_split", scenario_id) % 10_000 / 10_000
    return "validation" if draw < validation_share else "train"


def examples_of(verifier: Verifier, trajectory: Trajectory, validation_share: float) -> Iterator[Made]:
    """One example a step of an accepted trajectory."""
    task = Task(trajectory.scenario, trajectory.bundle, 0)
    split = split_of(trajectory.scenario.id, validation_share)
    for index, step in enumerate(trajectory.steps):
        before = trajectory.steps[:index]
        prompt = build_prompt(verifier, task, before, [])
        answer = answer_text(step.reasoning, step.action)
        rejected, origin = rejected_answer(verifier, trajectory, index)
        example = TuningExample(
            id=example_id(prompt.system, prompt.messages, answer),
            trajectory=trajectory.id,
            split=split,
            system=prompt.system,
            messages=prompt.messages,
            answer=answer,
            rejected=rejected,
            item=GraderItem(
                axes=trajectory.scenario.axes,
                facts=trajectory.scenario.facts,
                before=artefact_of([s.action for s in before]),
                step=index,
            ),
        )
        yield Made(example, origin)
