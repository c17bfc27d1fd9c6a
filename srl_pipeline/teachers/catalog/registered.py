"""Teachers that tuning registered: entries like those of `teachers.yaml`, in a file that a machine writes.

``SRL_TUNED_TEACHERS`` names the file; else it is ``tuned_teachers.yaml`` in the installation's folder. Until the first
one is registered there is no file.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from srl_pipeline.config import home
from srl_pipeline.contracts import Json, Record
from srl_pipeline.errors import PackError, TeacherError
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.model_types.spec import Id
from srl_pipeline.model_types.yaml_source import YamlSource, parse_yaml, read_yaml
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.teachers.catalog.source import record_of
from srl_pipeline.teachers.catalog.spec import TeacherEntry

VARIABLE, FILE = "SRL_TUNED_TEACHERS", "tuned_teachers.yaml"
HEADER = """\
# Written by srl_pipeline: the teachers that a tuning made. They stand beside those of teachers.yaml.
# A person may delete an entry whose teacher nobody needs; nothing else is changed by hand.
"""
log = logging.getLogger("srl_pipeline")


class RegisteredTeacher(Record):
    """One teacher, and what made it."""

    origin: str = Field(min_length=1, max_length=300, description="The tuning job, for people.")
    entry: TeacherEntry


class RegisteredFile(Record):
    """The whole file."""

    version: Literal[1]
    teachers: dict[Id, RegisteredTeacher]


def registered_file() -> Path:
    """Where registered teachers are listed, whether any is yet."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else home() / FILE


def read_registered(path: Path) -> RegisteredFile:
    """Read the file; raises TeacherError with file, line and mend."""
    return record_of(RegisteredFile, partial(read_yaml, path), _check_kinds)


def add_registered(path: Path, name: str, entry: TeacherEntry, origin: str) -> None:
    """Add one teacher for good; the same one again changes nothing. Raises TeacherError where ``name`` has another.

    The file is the old or the new one whatever happens; of several processes one writes at a time.
    """
    with exclusive(path.with_suffix(".lock"), lambda: log.info("another process registers a teacher: waiting")):
        earlier = read_registered(path).teachers if os.path.lexists(path) else {}
        if name not in earlier:
            listed = {known: _listed(teacher.entry, teacher.origin) for known, teacher in earlier.items()}
            write_durably(path, _text(listed | {name: _listed(entry, origin)}, name, entry, path))
        elif _plain(earlier[name].entry) != _plain(entry):
            raise TeacherError(
                f"Another teacher {name!r} is registered already, by {earlier[name].origin}.",
                where=f"{path}: teachers.{name}",
                mend="Delete that entry if nobody needs its teacher, then register again.",
            )


def _text(listed: dict[str, dict[str, Json]], name: str, entry: TeacherEntry, path: Path) -> str:
    """The file's text, read back before it is written: one wrong entry would make all of them unreadable."""
    body = yaml.safe_dump({"version": 1, "teachers": listed}, sort_keys=False, allow_unicode=True, width=120)
    back = record_of(RegisteredFile, partial(parse_yaml, HEADER + body, path), _check_kinds)
    if _plain(back.teachers[name].entry) != _plain(entry):
        raise TeacherError(
            f"The entry of teacher {name!r} cannot be written down as it is.",
            where=str(path),
            mend="Use plain text in its values.",
        )
    return HEADER + body


def _listed(entry: TeacherEntry, origin: str) -> dict[str, Json]:
    return {"origin": origin, "entry": entry.model_dump(mode="json", exclude_defaults=True)}


def _plain(entry: TeacherEntry) -> dict[str, Json]:
    return entry.model_dump(mode="json")


def _check_kinds(file: RegisteredFile, source: YamlSource) -> None:
    for name, teacher in file.teachers.items():
        if teacher.entry.kind == "search":
            raise PackError(
                f"teachers.{name}: the embedded teacher is not registered.",
                where=source.place(("teachers", name)),
                mend="Delete the entry.",
            )
