"""What a search for a prompt is given, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from srl_pipeline.contracts import LoreBundle, Record, Scenario, TeacherRef, Trajectory
from srl_pipeline.evaluation.statistics import Estimate as Interval
from srl_pipeline.teachers.catalog import TeacherEntry


@dataclass(frozen=True)
class PromptSearch:
    """What is searched, and on what it is measured.

    Attributes:
        base: The teacher whose model is asked; it shows no solved tasks yet.
        name: What the teacher with the best prompt is to be called: answers are cached by it.
        candidates: Accepted trajectories of the train split: what may be shown.
        validation: Scenarios of the validation split with their lore: what is asked. None is among the candidates.
        shots: Solved tasks in a prompt, at the most.
        trials: Sets of solved tasks that are tried beside the bare prompt, at the most.
    """

    base: TeacherRef
    name: str
    candidates: Sequence[Trajectory]
    validation: Sequence[tuple[Scenario, LoreBundle]]
    shots: int
    trials: int
    seed: int

    def __post_init__(self) -> None:
        asked = {scenario.id for scenario, _ in self.validation}
        if asked & {trajectory.scenario.id for trajectory in self.candidates}:
            raise ValueError("a scenario is in both splits: its solution would be shown where it is asked for")


class Trial(Record):
    """One prompt and how it did. Trial 0 is the bare prompt."""

    index: int
    shots: str | None = Field(description="Digest of the solved tasks; None: there are none.")
    shown: int = Field(description="How many they are.")
    tasks: int = Field(description="Scenarios that it was asked; fewer than all for one that was dropped early.")
    accepted: int = Field(description="Of these, solved as Model C verified.")
    pass_rate: Interval
    input_tokens: int
    output_tokens: int
    usd: float = Field(description="All its answers at the price of now, cached ones included.")


class PromptResult(Record):
    """The best prompt. Its rate is that of the best of several, so it flatters: measure it anew on other tasks."""

    base: TeacherRef
    trials: list[Trial]
    chosen: int = Field(description="Index of the winner; 0: no set is better than the bare prompt.")
    shots: str | None = Field(
        description="Digest of the winner's solved tasks, which are kept; None: nothing to register."
    )
    why: str
    spent_usd: float = Field(description="What the search cost over all its attempts, by the ledger.")


def with_shots(entry: TeacherEntry, shots: str) -> TeacherEntry:
    """The same teacher, shown the solved tasks of this digest."""
    return TeacherEntry.model_validate(entry.model_dump() | {"shots": shots})
