"""What a check found."""

from __future__ import annotations

from typing import Literal

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PipelineError

Level = Literal["ok", "warning", "problem"]


class Finding(Record):
    """One line of the report; a warning and a problem say where it was found and how to mend it."""

    level: Level
    what: str
    where: str = ""
    mend: str = ""


def ok(what: str) -> Finding:
    """Nothing to do."""
    return Finding(level="ok", what=what)


def warning(what: str, *, where: str, mend: str) -> Finding:
    """The program works, but not as well as it could, or not for long."""
    return Finding(level="warning", what=what, where=where, mend=mend)


def problem(what: str, *, where: str, mend: str) -> Finding:
    """Something that was asked for cannot work."""
    return Finding(level="problem", what=what, where=where, mend=mend)


def told_by(error: PipelineError) -> Finding:
    """What the program itself would refuse, in its own words."""
    return problem(error.what, where=error.where, mend=error.mend)
