"""What a teacher is: something that proposes the next step of a solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from srl_pipeline.contracts import LoreBundle, Scenario, Step, TeacherRef


@dataclass(frozen=True)
class Task:
    """What a teacher is asked to solve.

    Attributes:
        variant: 0 asks for the best solution, n for the n-th best alternative.
    """

    scenario: Scenario
    bundle: LoreBundle
    variant: int


@dataclass(frozen=True)
class Rejection:
    """A proposal that Model C sent back."""

    step: Step
    messages: list[str]


class Teacher(Protocol):
    """Model B. Implementations may be called from several threads at once."""

    @property
    def ref(self) -> TeacherRef:
        """Name and version: the version changes whenever its answers may."""
        ...

    def propose(self, task: Task, before: list[Step], rejections: list[Rejection]) -> Step | None:
        """The next step after ``before``, or None when there is no (further) solution for this variant.

        ``rejections`` are its earlier proposals for this step and what was wrong with them.
        Raises TeacherError when the teacher cannot be asked; nothing is ever substituted.
        """
        ...
