"""The record of a tuning job, and where it is kept: every step of its life survives the process that took it."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.registry import Hold, Nanos
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.tuning.records import JobSpec, JobState, Split
from srl_pipeline.tuning.spec import Tuner

Phase: TypeAlias = Literal[
    "planned", "reserved", "uploaded", "submitted", "ended", "settled", "registered", "compared", "closed"
]
"""Money is set aside before anything is sent. ``closed``: it ended without a tuned model, and is paid for."""
OVER: tuple[Phase, ...] = ("compared", "closed")


class TuningJob(Record):
    """One job, as far as it has come."""

    key: str = Field(description="Hash of all that decides the tuned model, and of the attempt.")
    model_type: str
    tuner_name: str
    tuner: Tuner = Field(description="As it was when the job was planned.")
    entry: TeacherEntry = Field(description="The teacher's, as it was then: the vendor, account and place of the job.")
    dataset: str = Field(description="Data version of the asset `tuning_dataset`.")
    spec: JobSpec
    attempt: int = Field(ge=1)
    phase: Phase
    revision: int = Field(default=0, description="Of this record: who writes must have read the newest.")
    hold: Hold | None = None
    files: dict[Split, str] = Field(default_factory=dict[Split, str], description="The vendor's references.")
    uploads: int = Field(default=0, description="Times that the files were sent: references expire.")
    submitting_at: str = Field(default="", description="Since when a submission may be under way; empty: none is.")
    job: str = Field(default="", description="The vendor's id of the job.")
    given_up: bool = Field(default=False, description="Somebody cancelled it: it is settled, and nothing else.")
    state: JobState | None = None
    served: str = Field(default="", description="The name by which the tuned model is asked.")
    shots: str | None = Field(default=None, description="Method prompt: digest of the chosen solved tasks.")
    charged: Nanos | None = Field(default=None, description="What the job cost; None until it is settled.")
    teacher: str = Field(default="", description="The teacher that it became.")
    decision: int = Field(default=0, description="Number of the decision on it.")
    problem: str = Field(default="", description="Why it does not go on; empty where nothing is wrong.")
    created_at: str
    submitted_at: str = ""
    updated_at: str

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in OVER

    @property
    def waiting(self) -> bool:
        """Whether the next step is to ask the vendor once more: for the job, for its end, for a deployment."""
        deploying = self.phase == "settled" and not self.served and self.tuner.method != "prompt"
        return self.phase == "submitted" or (self.phase == "uploaded" and bool(self.submitting_at)) or deploying

    @property
    def run(self) -> str:
        """What its money is charged to in the ledger."""
        return f"tuning-{self.key}"


class TuningJobs(Protocol):
    """Implemented on SQLite for one machine; on DynamoDB by the same rules. Safe to use from threads and processes."""

    def get(self, key: str) -> TuningJob | None:
        """One job."""
        ...

    def put(self, job: TuningJob) -> TuningJob:
        """Keep ``job``, flushed to disk; returns it with its next revision.

        Raises `Conflict` where somebody else wrote since it was read.
        """
        ...

    def jobs(self, model_type: str | None = None) -> list[TuningJob]:
        """Jobs of a model type or of all, newest first."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...
