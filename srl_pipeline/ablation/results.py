"""What an ablation leaves on disk: a record a start, a calibration and a cell, each written last and at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from srl_pipeline.ablation.plan import Arm, Regime
from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Record
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.artifacts import write_durably

START, CALIBRATION, RESULT = "start.json", "calibration.json", "result.json"


class StageCost(Record):
    """What one training stage of an arm did and cost."""

    stage: str = Field(description="warmup, sft, srl, holistic or rlvr.")
    steps: int
    updates: int = Field(description="Optimizer steps that changed a weight.")
    generated_tokens: int
    trained_tokens: int
    seconds: float
    note: str = ""

    @property
    def tokens(self) -> int:
        """What counts against the budget."""
        return self.generated_tokens + self.trained_tokens


class Part(Record):
    """A finished part of an ablation."""

    plan: str = Field(description="Digest of the plan that it was made by.")
    seed: int


class Start(Part):
    """Where the trained arms of a seed begin."""

    warmup: StageCost | None = Field(description="None: there was no warm-up, and they begin with the base model.")


class ScenarioRate(Record):
    """How often the start solved one scenario."""

    scenario: str
    correct: int
    episodes: int

    @property
    def rate(self) -> float:
        return self.correct / self.episodes


class Calibration(Part):
    """The start's measured pass rates, in the order in which the scenarios came."""

    train: list[ScenarioRate]
    held_out: list[ScenarioRate]
    generated_tokens: int
    seconds: float


class Attempt(Record):
    """One episode of a held-out scenario."""

    correct: bool = Field(description="Verified: complete, well-formed, no hard violation.")
    format_ok: bool
    steps_ok: int = Field(description="Steps without structural error or hard violation.")
    exact: bool | None = Field(description="The expert's very artefact; None where the expert has none.")
    tokens: int


class Answers(Record):
    """All episodes of one scenario from the same weights."""

    scenario: str
    greedy: Attempt
    sampled: list[Attempt] = Field(description="At temperature 1.")


class Trial(Record):
    """An evaluation of one set of weights."""

    answers: list[Answers]
    seconds: float


class Cell(Part):
    """One arm in one regime with one seed."""

    regime: Regime
    arm: Arm
    training_scenarios: int
    stages: list[StageCost] = Field(description="What was trained after the start; none for what is no trained arm.")
    trial: Trial


_Part = TypeVar("_Part", bound=Part)


def made_or_found(file: Path, kind: type[_Part], plan: str, make: Callable[[], _Part]) -> _Part:
    """The finished part in ``file``, else made and written; what only an unfinished part needs is removed."""
    part = read_part(file, kind, plan)
    if part is None:
        part = write_part(file, make())
    for private in file.parent.glob("_*"):
        shutil.rmtree(private) if private.is_dir() else private.unlink()
    return part


def read_part(file: Path, kind: type[_Part], plan: str) -> _Part | None:
    """A finished part, or None; raises ArtifactError when it cannot be read or was made by another plan."""
    if not file.exists():
        return None
    mend = "Delete this file's folder; the next run makes it again."
    try:
        found = kind.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(str(p) for p in first['loc']) or 'the file'}: {first['msg']}"
        raise ArtifactError(f"{file.name} is not readable: {problem}.", where=str(file), mend=mend) from error
    if found.plan != plan:
        raise ArtifactError(f"{file.name} was made by another plan.", where=str(file), mend=mend)
    return found


def write_part(file: Path, part: _Part) -> _Part:
    """Write a finished part: from now on it counts. Returns it as any later reader sees it."""
    text = pretty(part.model_dump())
    write_durably(file, text)
    return type(part).model_validate_json(text)
