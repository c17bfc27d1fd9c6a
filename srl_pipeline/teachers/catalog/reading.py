"""From `teachers.yaml` to records. Reading is cheap: a file is parsed again only when it is another one.

``SRL_TEACHERS`` names the file; else it is ``teachers.yaml`` in the current folder; else there is only the embedded
teacher, responsible for everything. Teachers that a tuning made stand in a file of their own (`registered`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from srl_pipeline.errors import PackError, TeacherError
from srl_pipeline.model_types.yaml_source import YamlSource, read_yaml
from srl_pipeline.teachers.catalog.registered import (
    RegisteredFile,
    RegisteredTeacher,
    add_registered,
    read_registered,
    registered_file,
)
from srl_pipeline.teachers.catalog.source import MEND, record_of
from srl_pipeline.teachers.catalog.spec import TeacherEntry, TeachersFile

SEARCH = "search"
"""The embedded teacher: always there, whatever a file lists."""
DEFAULT = "default"
VARIABLE, FILE = "SRL_TEACHERS", "teachers.yaml"
Stamp = tuple[int, ...]
"""Of a file: another one when the file was written."""
_EMBEDDED = TeachersFile(version=1, teachers={SEARCH: TeacherEntry(kind="search")}, responsibilities={DEFAULT: SEARCH})


@dataclass(frozen=True)
class Catalog:
    """The teachers of this installation.

    Attributes:
        path: Where they are listed; None where there is no file.
        registered: Those that a tuning made, by name.
    """

    file: TeachersFile
    path: Path | None
    registered: Mapping[str, RegisteredTeacher] = field(default_factory=dict[str, RegisteredTeacher])

    @property
    def teachers(self) -> dict[str, TeacherEntry]:
        """Name -> entry, the embedded teacher and the registered ones included."""
        return self.listed | {name: teacher.entry for name, teacher in self.registered.items()}

    @property
    def listed(self) -> dict[str, TeacherEntry]:
        """Name -> entry of those that a person listed, and the embedded one."""
        return _EMBEDDED.teachers | self.file.teachers

    @property
    def where(self) -> str:
        """What errors call it."""
        return str(self.path) if self.path else f"no {FILE} in {Path.cwd()}, and {VARIABLE} is not set"

    def entry(self, name: str) -> TeacherEntry:
        """One teacher; raises TeacherError with the known names."""
        if name not in self.teachers:
            raise TeacherError(
                f"There is no teacher {name!r}.",
                where=f"setting 'generation.teacher'; {self.where}",
                mend=f"Use one of {', '.join(sorted(self.teachers))}, or add it.",
            )
        return self.teachers[name]

    def responsible(self, model_type: str) -> str:
        """The teacher of a model type."""
        return self.file.responsibilities.get(model_type) or self.file.responsibilities[DEFAULT]

    def types_of(self, name: str) -> list[str]:
        """What a teacher is responsible for: model types by name, and 'default'."""
        return sorted(t for t, teacher in self.file.responsibilities.items() if teacher == name)

    @property
    def key_variables(self) -> list[str]:
        """Environment variables that hold a key."""
        return sorted({e.api_key_env for e in self.teachers.values() if e.api_key_env})


def current_catalog() -> Catalog:
    """The teachers as the files list them now; raises TeacherError with file, line and mend."""
    path = teachers_file()
    catalog = _read_if_changed(path, _stamp(path)) if path else Catalog(_EMBEDDED, None)
    tuned = registered_file()
    if not os.path.lexists(tuned):
        return catalog
    registered = _registered_if_changed(tuned, _stamp(tuned)).teachers
    if twice := sorted(registered.keys() & catalog.listed.keys()):
        raise TeacherError(
            f"{', '.join(twice)}: a teacher of this name is listed by you, and one is registered by a tuning.",
            where=f"{catalog.where} and {tuned}",
            mend="Rename the one in your file, or delete the registered one.",
        )
    return replace(catalog, registered=registered)


def teachers_file() -> Path | None:
    """The file that lists the teachers, or None. Raises TeacherError when ``SRL_TEACHERS`` names no file."""
    if named := os.environ.get(VARIABLE):
        path = Path(named).absolute()
        if not path.is_file():
            raise TeacherError(
                f"{path} is not a file.", where=f"environment variable {VARIABLE}", mend="Correct or unset it."
            )
        return path
    path = Path(FILE).absolute()
    return path if os.path.lexists(path) else None


def register_teacher(name: str, entry: TeacherEntry, *, origin: str) -> None:
    """Enter a tuned model among the teachers for good; the same entry again changes nothing.

    Raises TeacherError where ``name`` is no name or is another teacher's, and where ``entry`` cannot be used.
    """
    if name in current_catalog().listed:
        raise TeacherError(
            f"{name!r} is a teacher already; a tuned one needs a name of its own.",
            where=current_catalog().where,
            mend="Rename the one in that file.",
        )
    add_registered(registered_file(), name, entry, origin)


@lru_cache(maxsize=8)
def _read_if_changed(path: Path, stamp: Stamp) -> Catalog:
    """The catalogue in ``path``, read anew when the file is not as stamped. An error is not remembered."""
    return read_catalog(path)


@lru_cache(maxsize=8)
def _registered_if_changed(path: Path, stamp: Stamp) -> RegisteredFile:
    return read_registered(path)


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError as error:
        raise TeacherError(f"{path.name} cannot be read: {error.strerror}.", where=str(path), mend=MEND) from error
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def read_catalog(path: Path) -> Catalog:
    """Read a file of teachers; raises TeacherError with file, line and mend."""
    return Catalog(record_of(TeachersFile, partial(read_yaml, path), _check_search), path)


def _check_search(file: TeachersFile, source: YamlSource) -> None:
    """One name for the embedded teacher: a pin names it, and it knows no other."""
    for name, entry in file.teachers.items():
        if (name == SEARCH) != (entry.kind == "search"):
            raise PackError(
                f"teachers.{name}: the teacher of kind 'search' is called 'search', and no other is.",
                where=source.place(("teachers", name)),
                mend="Rename it.",
            )
