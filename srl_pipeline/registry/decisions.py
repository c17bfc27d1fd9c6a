"""Decisions: which model is current, which teacher teaches, what is trained next, and why. Every one is kept.

A decision, the aliases that it moves and the settings that it makes are one transaction: there is no alias without a
decision that explains it. Aliases name versions of the asset `registered_model`. Settings have dotted names as in
`srl_pipeline.config`; they hold for every later run of the model type unless a person overrides them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Json, Record
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.seals import Sealed

Alias: TypeAlias = Literal["candidate", "current", "previous"]
Kind: TypeAlias = Literal[
    "promotion", "rollback", "shadow", "teacher", "student", "retraining", "tuning", "retention", "configuration"
]


class Alternative(Record):
    """One of those that were to be had, the chosen one among them."""

    name: str
    chosen: bool
    why: str = Field(description="One sentence: why it was chosen, or why not.")
    figures: dict[str, float] = Field(default_factory=dict, description="What was measured; units are in the names.")


class Decision(Record):
    """What was decided, and why."""

    id: int = Field(default=0, description="Place among all decisions, from 1; 0 before it is kept.")
    at: str = Field(description="By the clock, which may go back: order by `id`.")
    actor: str = Field(default="", description="Who decided; empty before it is kept, and where it was not recorded.")
    model_type: str
    kind: Kind
    verdict: Literal["change", "no change"]
    subject: str = Field(description="What was decided about: a model's version, a teacher, a trigger.")
    before: str = Field(description="What held before: a version, a name; empty for nothing.")
    after: str = Field(description="What holds now.")
    reasons: list[str] = Field(min_length=1, description="Sentences for people; the one that decided comes first.")
    alternatives: list[Alternative] = Field(default_factory=list[Alternative])
    evidence: dict[str, Json] = Field(default_factory=dict, description="Figures and versions that it rests on.")


class Conflict(PipelineError):
    """Somebody else moved an alias meanwhile; nothing was changed."""


def check_expected(model_type: str, found: Mapping[Alias, str], expected: Mapping[Alias, str | None]) -> None:
    """Raises `Conflict` where an alias of ``found`` is another one than was ``expected``."""
    for alias, version in expected.items():
        if found.get(alias) != version:
            raise Conflict(
                f"{model_type}: the alias {alias!r} is {found.get(alias) or 'not set'} now, not {version or 'unset'}.",
                where="register of decisions",
                mend="Decide again: another run, or a person, moved it meanwhile.",
            )


class Decisions(Protocol):
    """Implemented on SQLite for one machine; on DynamoDB by the same rules. Safe to use from threads and processes."""

    def record(
        self,
        decision: Decision,
        *,
        aliases: Mapping[Alias, str | None] | None = None,
        settings: Mapping[str, Json] | None = None,
        expected: Mapping[Alias, str | None] | None = None,
    ) -> Decision:
        """Keep ``decision`` with who decided and what it changes, all or nothing, and give it its `id`.

        Args:
            aliases: Alias -> version; None takes the alias away.
            settings: Dotted name -> value; None takes the setting back.
            expected: Aliases as they were when it was decided; raises `Conflict` where one is another now.
        """
        ...

    def aliases(self, model_type: str) -> dict[Alias, str]:
        """The aliases of a model type that are set."""
        ...

    def settings(self, model_type: str) -> dict[str, Json]:
        """The settings that decisions made for a model type."""
        ...

    def setting_decisions(self, model_type: str) -> dict[str, Decision]:
        """Dotted name of each of these settings -> the decision that made it."""
        ...

    def decisions(
        self, model_type: str | None = None, *, kind: Kind | None = None, last: int | None = None
    ) -> list[Decision]:
        """Decisions, newest first: of a model type or of all, of a kind or of all, the ``last`` so many."""
        ...

    def sealed(self) -> tuple[list[Sealed], int]:
        """All decisions as they are kept, oldest first, and how many were ever kept."""
        ...

    def close(self) -> None:
        """Give back what it is kept in. Nothing may be under way."""
        ...
