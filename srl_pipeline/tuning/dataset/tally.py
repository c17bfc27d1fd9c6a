"""Counts a data set while it is made: memory does not grow with its text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import get_args

from srl_pipeline.contracts import Trajectory
from srl_pipeline.model_types import PackSpec
from srl_pipeline.tuning.dataset.records import DatasetCard, Finding, Longest, Origin, Sizes, StepCount
from srl_pipeline.tuning.pricing import CHARACTERS_A_TOKEN
from srl_pipeline.tuning.records import TuningExample


@dataclass
class _Text:
    characters: int = 0
    octets: int = 0

    def add(self, *texts: str) -> None:
        self.characters += sum(len(text) for text in texts)
        self.octets += sum(len(text.encode()) for text in texts)

    @property
    def sizes(self) -> Sizes:
        likely = self.characters // CHARACTERS_A_TOKEN
        return Sizes(characters=self.characters, likely_tokens=likely, most_tokens=self.octets)


@dataclass
class Tally:
    """What was kept, and what was not."""

    spec: PackSpec
    splits: Counter[str] = field(default_factory=Counter[str])
    steps: Counter[int] = field(default_factory=Counter[int])
    origins: Counter[Origin] = field(default_factory=Counter[Origin])
    teachers: Counter[str] = field(default_factory=Counter[str])
    scenarios: set[str] = field(default_factory=set[str])
    duplicates: int = 0
    held_out: int = 0
    unhandled: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    _prompts: _Text = field(default_factory=_Text)
    _answers: _Text = field(default_factory=_Text)
    _longest: Longest | None = None

    def add(self, example: TuningExample, origin: Origin) -> None:
        """An example that is kept."""
        self.splits[example.split] += 1
        self.steps[example.item.step] += 1
        self.origins[origin] += 1
        prompt = [example.system, *(m.content for m in example.messages)]
        self._prompts.add(*prompt)
        self._answers.add(example.answer)
        whole = _Text()
        whole.add(*prompt, example.answer)
        if self._longest is None or whole.characters > self._longest.characters:
            self._longest = Longest(example=example.id, **whole.sizes.model_dump())

    def use(self, trajectory: Trajectory) -> None:
        """A trajectory of which an example is kept."""
        self.scenarios.add(trajectory.scenario.id)
        self.teachers[f"{trajectory.teacher.name}@{trajectory.teacher.version}"] += 1

    def card(self, model_type: str) -> DatasetCard:
        """All of it."""
        total = self.splits.total()
        with_rejected = total - self.origins["none"]
        return DatasetCard(
            model_type=model_type,
            trajectories=self.teachers.total(),
            scenarios=len(self.scenarios),
            examples={split: self.splits[split] for split in ("train", "validation")},
            steps=[StepCount(title=step.title, examples=self.steps[i]) for i, step in enumerate(self.spec.steps)],
            prompts=self._prompts.sizes,
            answers=self._answers.sizes,
            longest=self._longest,
            rejected={origin: self.origins[origin] for origin in get_args(Origin)},
            rejected_share=with_rejected / total if total else 0.0,
            teachers=dict(sorted(self.teachers.items())),
            duplicates=self.duplicates,
            held_out=self.held_out,
            cleaned=self.findings,
        )
