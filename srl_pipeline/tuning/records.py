"""What a tuning job is made of. Data only; no vendor's types appear here."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Artefact, Facts, Record
from srl_pipeline.teachers.calls.records import Message

Split: TypeAlias = Literal["train", "validation"]
Method: TypeAlias = Literal["supervised", "preference", "reinforcement", "prompt"]
"""Imitation of verified answers; DPO on a verified and a refused answer; rewards by a grader; chosen examples in the
prompt, for models that their vendor does not tune."""
VendorState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class GraderItem(Record):
    """What a grader must know of a task to judge the answer for one step; numbers as the pack writes them."""

    axes: dict[str, str | float]
    facts: Facts
    before: Artefact = Field(description="The artefact of the steps before.")
    step: int = Field(ge=0)


class TuningExample(Record):
    """One step of a verified trajectory, as the teacher is asked for it."""

    id: str = Field(description="Content hash of prompt and answer.")
    trajectory: str
    split: Split = Field(description="All steps of a scenario are in one split.")
    system: str
    messages: list[Message] = Field(min_length=1, description="Ends with a turn of the user.")
    answer: str = Field(description="What the teacher should say: Model C accepted it.")
    rejected: str | None = Field(description="An answer of the same form that breaks a hard rule; None: none is known.")
    item: GraderItem


class DataFile(Record):
    """A file in a vendor's format."""

    name: str = Field(description="Ends in .jsonl; holds the hash of the content, so equal names are equal files.")
    split: Split
    content: bytes = Field(repr=False)
    digest: str = Field(description="SHA-256 of the content, hex.")


class JobSpec(Record):
    """All that a vendor is told of a job beside its files."""

    key: str = Field(description="Ours, at most 32 characters [a-z0-9-]: it finds the job again after a crash.")
    model: str = Field(description="The model to tune, by the vendor's name.")
    method: Method
    name: str = Field(description="For people: at most 18 characters of [a-z0-9-].")
    seed: int = Field(ge=0)
    epochs: int = Field(ge=1)
    batch_size: int | None = Field(default=None, description="None: the vendor's own choice.")
    learning_rate_multiplier: float | None = None
    beta: float | None = Field(default=None, description="Preference alone.")
    grader: str | None = Field(
        default=None, repr=False, description="Reinforcement alone: source of a Python grader (`graders.compiled`)."
    )


class JobState(Record):
    """What the vendor says of a job."""

    state: VendorState
    model: str = Field(default="", description="The tuned model by the vendor's name, once it succeeded.")
    trained_tokens: int | None = Field(default=None, description="Billed tokens; None: the vendor does not say.")
    trained_seconds: float | None = Field(default=None, description="Billed time; None: it does not say.")
    problem: str = Field(default="", description="Why it failed, by the vendor's word.")
    note: str = Field(default="", description="Newest event, step or loss, for people.")


class Range(Record):
    """Two bounds of an estimate."""

    likely: float
    most: float


class Estimate(Record):
    """What a job is expected to cost. US dollars."""

    usd: Range
    tokens: Range = Field(description="Billed tokens: four characters each likely, a byte each at the most.")
    hours: float | None = Field(default=None, description="Where time is billed: after these the job is cancelled.")
    price_as_of: str
