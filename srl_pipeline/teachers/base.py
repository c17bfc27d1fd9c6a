"""What a teacher is: something that proposes the next step of a solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

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


Unreadability = Literal[
    "not_json",
    "extra_text",
    "not_an_object",
    "duplicate_key",
    "not_a_number",
    "too_deep",
    "too_long",
    "cut_off",
    "refused",
    "wrong_language",
    "secret",
    "unshowable",
    "prompt_injection",
]
"""Why an answer is no step at all. What parses but breaks the schema or a rule is Model C's to reject."""


@dataclass(frozen=True)
class Unreadable:
    """An answer that cannot become a step.

    Attributes:
        message: What is wrong, for the teacher.
        excerpt: Its beginning, at most 200 characters that can be shown, without secrets.
        final: Asking again cannot help.
    """

    reason: Unreadability
    message: str
    excerpt: str = ""
    final: bool = False


@dataclass(frozen=True)
class Rejection:
    """A proposal that was sent back."""

    proposal: Step | Unreadable
    messages: list[str]


class Teacher(Protocol):
    """Model B. Implementations may be called from several threads at once."""

    @property
    def ref(self) -> TeacherRef:
        """Name and version: the version changes whenever its answers may."""
        ...

    def propose(self, task: Task, before: list[Step], rejections: list[Rejection]) -> Step | Unreadable | None:
        """The next step after ``before``, or None when there is no (further) solution for this variant.

        ``rejections`` are its earlier proposals for this step and what was wrong with them.
        Raises TeacherError when the teacher cannot be asked; nothing is ever substituted.
        """
        ...
