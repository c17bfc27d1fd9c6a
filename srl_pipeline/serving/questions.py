"""A question to a model, its answer, and what Model C says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Artefact, Record, Violation

Axes: TypeAlias = dict[str, str | float]
Heard: TypeAlias = Callable[[str], bool]
"""Called with the answer so far, at line ends and shortly after; returns whether nobody wants the rest."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        messages: (role, content) of each message; empty where a scenario is given.
        axes: The scenario, or None.
        max_tokens: Most tokens of the answer; None: as many as the server allows and the context has room for.
        temperature: 0 is greedy.
    """

    messages: tuple[tuple[str, str], ...]
    axes: Axes | None
    max_tokens: int | None
    temperature: float
    seed: int


class Judgement(Record):
    """What Model C says of an answer to a scenario."""

    correct: bool = Field(description="Complete, well-formed and no hard violation.")
    reward: float
    violations: list[Violation]
    format_error: str = Field(description="Why the answer could not be read to its end; empty where it could.")
    artefact: Artefact = Field(description="The union of the actions that could be read.")

    @property
    def hard_violation(self) -> bool:
        return any(v.severity == "hard" for v in self.violations)


@dataclass(frozen=True)
class Answer:
    """What a model said; ``judgement`` only where a scenario was asked."""

    version: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    finished: bool
    judgement: Judgement | None
