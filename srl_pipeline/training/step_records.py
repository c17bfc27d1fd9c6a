"""What the student answered to a few fixed prompts before and after a stage. Records only: no heavy imports.

The training process writes them (`optimization/step_samples.py`), the report shows them (`evaluation/steps_page.py`).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Action, Record, StepResult
from srl_pipeline.errors import ArtifactError


class WrittenStep(Record):
    """One step that the student wrote, and what Model C says of it."""

    title: str
    thought: str
    action: Action
    result: StepResult


class Answer(Record):
    """One completion and what it earned.

    Attributes:
        steps: Steps that could be read: one at most for SRL, those before the first error for RLVR.
        nearest: The expert's action that it was compared with; None where there is no expert, or nothing to compare.
    """

    text: str = Field(description="As it was generated, without special tokens.")
    tokens: int
    finished: bool = Field(description="False: cut off at the limit of tokens.")
    steps: list[WrittenStep]
    error: str = Field(description="Why the text is not of the demanded form; empty when it is.")
    nearest: Action | None
    reward: float
    parts: dict[str, float] = Field(description="Named parts of the reward.")
    correct: bool = Field(description="The expert's action (SRL), or a verified episode (RLVR).")
    advantage: float | None = Field(description="Within its group; None for a greedy answer, which has no group.")


class Answers(Record):
    """All answers to one prompt from the same weights: the greedy one, and a group as training samples it."""

    greedy: Answer
    sampled: list[Answer]
    kept: bool = Field(description="Whether dynamic sampling would train on the group.")
    std: float = Field(description="Population std of the rewards that decides it.")


class SampledPrompt(Record):
    """One prompt, and its answers with the weights that the stage began with and with those that it kept."""

    key: str
    step: int | None = Field(description="The step to write (0-based); None: a whole episode.")
    title: str = Field(description="Title of that step; empty for an episode.")
    brief: str
    band: str = Field(description="easy, medium or hard.")
    held_back: bool = Field(description="A validation prompt, which the stage never trains on.")
    text: str = Field(description="All that the student read: system line, lore, brief, earlier steps.")
    before: list[Action] = Field(description="The expert's actions of the earlier steps.")
    before_titles: list[str]
    expert: list[Action] = Field(description="Actions that the expert took here; none for an episode.")
    begin: Answers
    end: Answers | None = Field(default=None, description="None until the stage has ended.")


class StepSamples(Record):
    """The samples of one stage."""

    stage: str = Field(description="srl or rlvr.")
    temperature: float = Field(description="Of the sampled answers.")
    prompts: list[SampledPrompt]


def samples_name(stage: str) -> str:
    """File name of a stage's samples within its artifact."""
    return f"steps_{stage}.json"


def samples_text(samples: StepSamples) -> str:
    """What the file holds. A lone surrogate, which a student can write as an escape, becomes ``?``."""
    return pretty(samples.model_dump()).encode("utf-8", "replace").decode("utf-8")


def read_samples(folder: Path, stage: str) -> StepSamples:
    """The samples of a stage; raises ArtifactError when they are missing or not readable."""
    file = folder / samples_name(stage)
    mend = "Delete this artifact's folder; the next run makes it again."
    try:
        return StepSamples.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(f"The step samples of {stage} are missing.", where=str(file), mend=mend) from error
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}"
        raise ArtifactError(f"{file.name} is not readable: {problem}", where=str(file), mend=mend) from error
