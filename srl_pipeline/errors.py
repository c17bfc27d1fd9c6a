"""The one error type users see: what went wrong, where, and how to mend it."""

from __future__ import annotations


class PipelineError(Exception):
    """An error with a place and a remedy.

    Args:
        what: What is wrong, in one sentence.
        where: File and line, asset, field or process in which it was found.
        mend: What the reader can do about it.
    """

    def __init__(self, what: str, *, where: str, mend: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  mend:  {mend}")
        self.what = what
        self.where = where
        self.mend = mend


class PackError(PipelineError):
    """A pack (model type folder) that cannot be used."""


class RuleError(PackError):
    """A rule that does not parse, is out of bounds or cannot be evaluated."""


class ArtifactError(PipelineError):
    """An artifact that is missing, incomplete, altered or not writable."""


class GateError(PipelineError):
    """An artifact whose quality gate failed, so that nothing downstream may use it."""


class StudentError(PipelineError):
    """A student model that cannot be loaded or cannot be trained."""


class TeacherError(PipelineError):
    """A teacher that is unavailable or cannot solve its task."""


class BudgetError(PipelineError):
    """Money that may not be spent: a cap would be exceeded, or a price is unknown."""


class TrainingError(PipelineError):
    """A training run that stopped; completed work is kept."""


class ChildKilled(TrainingError):
    """A training process that was killed, or that crashed, without saying why itself: trying again may do."""


class TuningError(PipelineError):
    """A paid fine-tuning that cannot begin, or cannot go on; what was begun is kept and goes on later."""
