"""What drawing takes in and gives out."""

from __future__ import annotations

from dataclasses import dataclass, field

from srl_pipeline.contracts import Action, Scenario, Step
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.generation.drawing.mix import GenerationYield
from srl_pipeline.generation.drawing.outcomes import Outcome
from srl_pipeline.generation.drawing.weak_slices import WeakSlice


@dataclass(frozen=True)
class Drawn:
    """One thing to ask the teacher.

    Attributes:
        novelty: Share of axes that differ from the nearest earlier scenario; 0 for a repair.
        strategy: fresh, adversarial, frontier or repair.
        prefix: Of a repair, the steps of the student that were right; the teacher goes on from there.
        parent: Id of the scenario that the student failed on, for adversarial and repair; else empty.
    """

    scenario: Scenario
    novelty: float
    strategy: str
    prefix: list[Step] = field(default_factory=list[Step])
    parent: str = ""


@dataclass(frozen=True)
class FailedEpisode:
    """A student's wrong answer to a training scenario: the axes, and the actions of the steps that could be read."""

    axes: dict[str, str | float]
    actions: list[Action]


@dataclass(frozen=True)
class Feedback:
    """What earlier generations say. The first generation has none of it.

    Attributes:
        history: All scenarios drawn before; never changed by who draws.
        outcomes: The current student on training scenarios.
        held_out: The current student on the evaluation set: read by axis value and difficulty only.
        failed: Its wrong answers that began right.
        yields: Earlier generations, oldest first.
        previous_mix: Strategy -> share of the scenarios of the generation before.
        weak: Slices of the evaluation set in which the current student is weak.
        used: What all this was read from, with versions, in sentences.
    """

    history: History | None = None
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    held_out: list[Outcome] = field(default_factory=list[Outcome])
    failed: list[FailedEpisode] = field(default_factory=list[FailedEpisode])
    yields: list[GenerationYield] = field(default_factory=list[GenerationYield])
    previous_mix: dict[str, float] = field(default_factory=dict[str, float])
    weak: list[WeakSlice] = field(default_factory=list[WeakSlice])
    used: list[str] = field(default_factory=list[str])
