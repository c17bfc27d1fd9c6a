"""What a vendor's tuning API must do for us. Adapters are in `providers/`; the life cycle is in `lifecycle.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.tuning.records import DataFile, JobSpec, JobState, Split, TuningExample


class JobGone(PermanentError):
    """The vendor does not know a job that it was given: whether it bills it is not known."""


class Unkept(PermanentError):
    """The vendor began a job but keeps nothing that finds it again, so it was ended: what it costs is not known."""


class FileGone(PermanentError):
    """An uploaded file expired or was deleted: it is uploaded again, and nothing was submitted."""


class TuningProvider(Protocol):
    """One vendor. Keeps no state between calls and never retries by itself; every method may be repeated safely.

    All methods but `files` talk to the vendor and raise CallError: TransientError where another try may help,
    PermanentError where it cannot. No message holds a credential.
    """

    vendor: str
    """Whose bill it is."""

    def files(self, examples: Sequence[TuningExample], spec: JobSpec) -> list[DataFile]:
        """The data set in the vendor's format: the same bytes for the same examples. Pure."""
        ...

    def upload(self, file: DataFile) -> str:
        """The vendor's reference of ``file``; one of that name and size that is there already is not sent again."""
        ...

    def find(self, key: str) -> str | None:
        """The id of the job that was submitted with ``spec.key`` = ``key``, whatever became of it."""
        ...

    def submit(self, spec: JobSpec, files: Mapping[Split, str]) -> str:
        """Begin a job, which costs money; returns its id. A second call with the same key begins no second job.

        Raises FileGone where a reference is no longer good.
        """
        ...

    def look(self, job: str) -> JobState:
        """How a job is doing; raises JobGone where the vendor does not know it."""
        ...

    def cancel(self, job: str) -> None:
        """Ask for its end; one that has ended already stays as it is. Raises JobGone."""
        ...

    def serve(self, model: str, key: str) -> str:
        """The name by which the tuned model is asked; where the vendor must deploy it first, that is begun, once.

        Raises TransientError until it answers.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
