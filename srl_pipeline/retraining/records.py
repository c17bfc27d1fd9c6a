"""What the retraining policy looks at, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field

from srl_pipeline.config import RetrainingConfig
from srl_pipeline.contracts import Record

PINS: dict[str, str] = {
    "teacher": "teacher_model",
    "rules": "rule_set",
    "lore": "lore_index",
    "student": "srl_checkpoint",
}
"""What may change -> the first asset that rests on it."""
GENERATION = "trajectories"
"""Where a new generation begins."""


class Versions(Record):
    """What a model type rests on, as it is now: content hashes, and the student's name."""

    teacher: str
    rules: str
    lore: str
    student: str = ""


class Signal(Record):
    """Something that was measured and asks for a new generation."""

    kind: str = Field(description="weakness, drift or volume.")
    key: str = Field(description="Equal for the same finding: it is answered once.")
    why: str = Field(description="One sentence.")


class Obstacle(Record):
    """Why a run may not start."""

    kind: str = Field(description="Equal for the same obstacle, whatever its figures: it is told once.")
    why: str = Field(description="A clause.")


@dataclass(frozen=True)
class Observed:
    """One model type as it is now.

    Attributes:
        signals: What was measured since the last generation, the most pressing first.
        generation: Number of the generation that runs are of.
        generated_at: When the last generation was made (ISO 8601); empty for never.
        running: Whether a run of the type is waiting or under way.
        failed: Keys of its latest runs that failed.
        runs_this_month: Automatic runs that were started this month.
        runs_ever: And since the beginning.
        no_teaching: Why the teacher may not be asked now (no money, say); None where it may.
    """

    versions: Versions
    settings: RetrainingConfig = field(default_factory=RetrainingConfig)
    signals: tuple[Signal, ...] = ()
    generation: int = 1
    generated_at: str = ""
    running: bool = False
    failed: frozenset[str] = frozenset()
    runs_this_month: int = 0
    runs_ever: int = 0
    no_teaching: Obstacle | None = None


class Pending(Record):
    """A change that was noticed and is not answered yet."""

    fingerprint: str
    since: str


class Asked(Record):
    """The last run that was asked for."""

    key: str
    at: str
    triggers: list[str]
    assets: list[str]
    again: bool = Field(default=False, description="It was asked for again, because the first one failed.")


class Seen(Versions):
    """What the sensor last answered, and how many runs it has asked for."""

    n: int = 0
    pending: Pending | None = None
    asked: Asked | None = None
    answered: list[str] = Field(default_factory=list, description="Keys of the latest signals that were answered.")
    refused: str = Field(default="", description="Fingerprint of what was last refused: it is told once.")


@dataclass(frozen=True)
class Regeneration:
    """A model type to regenerate: from ``assets`` on, all that is downstream."""

    model_type: str
    run_key: str
    triggers: tuple[str, ...]
    assets: tuple[str, ...]
    why: str
    generation: int | None = None
    """Number of the new generation, where one begins."""


@dataclass(frozen=True)
class Refusal:
    """A run that was called for and may not start."""

    model_type: str
    triggers: tuple[str, ...]
    why: str
