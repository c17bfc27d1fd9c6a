"""A room to train in without a store: what stages ask of a `Workspace`, and a writer of short prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srl_pipeline.config import PipelineConfig, WarmupConfig
from srl_pipeline.contracts import LoreBundle, Scenario, Step, TeacherRef, Trajectory
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.transcript import heading, write
from srl_pipeline.training.rollouts.coverage import Origin
from srl_pipeline.training.students.student import Student

from .world import LORA, SCENARIO, load

TITLE = "Walls"
BUNDLE = LoreBundle(citations=[], tokens=0, budget=16)


def trajectory(brief: str, action: dict[str, Any]) -> Trajectory:
    """A solution of one step."""
    return Trajectory(
        id=brief,
        scenario=SCENARIO.model_copy(update={"id": brief, "brief": brief}),
        bundle=BUNDLE,
        steps=[Step(title=TITLE, reasoning="", action=action)],
        teacher=TeacherRef(name="t", version="1"),
        variant="best",
        soft_cost=0.0,
        revisions=[],
        generation=1,
        novelty=1.0,
        seconds=0.0,
    )


SOLUTIONS = [
    trajectory("In Moss Vale.", {"stone": "granite", "storeys": 3}),
    trajectory("On the Salt Coast.", {"stone": "flint", "storeys": 1}),
    trajectory("A baker.", {"stone": "granite", "storeys": 1}),
    trajectory("A smith.", {"stone": "flint", "storeys": 3}),
]
"""Few enough to be learned by heart."""


@dataclass
class Writer:
    """Prompts that a student of 512 positions can read. Named double of `PromptWriter`."""

    tokenizer: Any
    titles: Sequence[str] = (TITLE,)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def episode(self, scenario: Scenario, bundle: LoreBundle) -> Prompt:
        ids = self._ids(f"{scenario.brief}\n{heading(0, TITLE)}")
        return Prompt(scenario.id, ids, scenario, None, [], [])

    def transcript(self, given: Trajectory) -> tuple[list[int], list[int]]:
        rest = write(given.steps)[len(heading(0, TITLE)) :]
        return self.episode(given.scenario, given.bundle).ids, [*self._ids(rest), self.tokenizer.eos_token_id]


def warmup_config(**changes: Any) -> WarmupConfig:
    """Some small steps, all solutions in each."""
    values = {"mode": "always", "steps": 4, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 2e-2}
    return WarmupConfig(**(values | changes))


@dataclass
class Room:
    """Named double of a `Workspace` whose inputs are at hand. ``student`` is what `load` gives, fresh when left out."""

    folder: Path
    config: PipelineConfig = field(default_factory=lambda: config())
    student: Student | None = None
    accepted: dict[str, list[Trajectory]] = field(default_factory=lambda: {"train": SOLUTIONS, "validation": []})

    @property
    def origin(self) -> Origin:
        return Origin(trajectories=len(self.accepted["train"]), accepted=len(self.accepted["train"]))

    def load(self) -> Student:
        return self.student or load(self.folder)

    def writer(self, student: Student) -> Writer:
        return Writer(student.tokenizer)

    def save(self) -> None:
        """There is no other machine that could go on."""


def config(**warmup: Any) -> PipelineConfig:
    """A configuration for the random student."""
    return PipelineConfig(preset="test", device="cpu", student=LORA, warmup=warmup_config(**warmup))
