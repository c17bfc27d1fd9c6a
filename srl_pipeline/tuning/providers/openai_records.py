"""What is read of the answers of OpenAI's tuning API. The SDK constructs its own records from anything."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from srl_pipeline.clock import now
from srl_pipeline.tuning.records import VendorState

KEY = "srl_key"
"""Name in a job's metadata under which our key stands."""
_STATES: dict[str, VendorState] = {
    "validating_files": "queued",
    "queued": "queued",
    "running": "running",
    "paused": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}


class Item(BaseModel):
    """Anything that has an id: a model, or an entry of a list."""

    id: str


T = TypeVar("T", bound=Item)


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    data: list[T]
    has_more: bool | None = None


class UploadedFile(Item):
    """A file at the vendor."""

    filename: str
    bytes: int
    status: str | None = Field(default=None, description="Deprecated; compatible endpoints may leave it out.")
    expires_at: int | None = Field(default=None, description="Seconds since 1970.")

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now().timestamp()


class Event(Item):
    """Something that happened to a job."""

    message: str


class _Problem(BaseModel):
    code: str | None = None
    message: str | None = None


class ListedJob(Item):
    """A job on the list: what others did there may have states of its own."""

    metadata: dict[str, str] | None = None

    @property
    def key(self) -> str | None:
        return (self.metadata or {}).get(KEY)


class Job(ListedJob):
    """A tuning job. ``paused`` is not in the specification's list of states, but the API has a way to pause."""

    status: Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
    created_at: int
    finished_at: int | None = None
    fine_tuned_model: str | None = None
    trained_tokens: int | None = Field(default=None, ge=0)
    error: _Problem | None = Field(default=None, description="Without a code or a message where nothing is wrong.")

    @model_validator(mode="after")
    def _complete(self) -> Job:
        if self.status == "succeeded" and not self.fine_tuned_model:
            raise ValueError("a job that succeeded names no model")
        return self

    @property
    def state(self) -> VendorState:
        return _STATES[self.status]

    @property
    def ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    @property
    def problem(self) -> str:
        """Why it failed; empty where it did not."""
        if self.state != "failed":
            return ""
        said = [self.error.code, self.error.message] if self.error else []
        return ": ".join(part for part in said if part) or "the vendor does not say why"

    @property
    def seconds(self) -> float | None:
        """From its submission to its end: waiting included, so an upper bound of the time that is billed."""
        return None if self.finished_at is None else max(0.0, float(self.finished_at - self.created_at))
