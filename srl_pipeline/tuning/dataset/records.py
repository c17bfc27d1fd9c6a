"""What is told of a data set. Data only."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Record

Origin: TypeAlias = Literal["revision", "changed_field", "none"]
"""Where a rejected answer comes from: Model C sent it back, or a field of the verified action was changed."""
DataKind: TypeAlias = Literal["secret", "email", "phone", "iban", "card", "ip_address", "social_security", "unreadable"]
Done: TypeAlias = Literal["scrubbed", "refused"]


class Finding(Record):
    """Something that a data set may not hold. What it was is never written down."""

    example: str = Field(description="Id of the example: as it is kept, or, of a refused one, as it would have been.")
    trajectory: str
    step: int
    place: str = Field(
        description="system, message 1, answer, reasoning, action, rejected, axes, facts, before or item."
    )
    kind: DataKind
    done: Done


class Sizes(Record):
    """How much text there is in all examples together."""

    characters: int
    likely_tokens: int = Field(description="Four characters each.")
    most_tokens: int = Field(description="A byte each.")


class Longest(Record):
    """The longest example: prompt and answer together."""

    example: str
    characters: int
    likely_tokens: int
    most_tokens: int


class StepCount(Record):
    """Examples of one step of the pack."""

    title: str
    examples: int


class DatasetCard(Record):
    """What a data set is made of."""

    model_type: str
    trajectories: int = Field(description="Accepted best trajectories of which at least one example was kept.")
    scenarios: int
    examples: dict[str, int] = Field(description="Split -> examples.")
    steps: list[StepCount] = Field(description="In the order of the pack.")
    prompts: Sizes
    answers: Sizes
    longest: Longest | None = Field(description="None where there is no example.")
    rejected: dict[Origin, int] = Field(description="Where the rejected answers come from -> examples.")
    rejected_share: float = Field(description="Share of the examples that have a rejected answer, 0..1.")
    teachers: dict[str, int] = Field(description="name@version -> trajectories used.")
    duplicates: int = Field(description="Examples dropped because an equal one was there.")
    held_out: int = Field(description="Trajectories left out because their scenario is of the evaluation set.")
    cleaned: list[Finding] = Field(description="What was scrubbed, and which examples were refused.")

    @property
    def total(self) -> int:
        """All examples."""
        return sum(self.examples.values())

    def count(self, done: Done) -> int:
        """How many examples were scrubbed, or refused."""
        return len({(f.trajectory, f.step) for f in self.cleaned if f.done == done})
