"""From `teachers.yaml` to records. Reading is cheap: a file is parsed again only when it is another one.

``SRL_TEACHERS`` names the file; else it is ``teachers.yaml`` in the current folder; else there is only the embedded
teacher, responsible for everything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from srl_pipeline.errors import PackError, TeacherError
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import YamlSource, read_yaml
from srl_pipeline.teachers.catalog.spec import TeacherEntry, TeachersFile
from srl_pipeline.teachers.prompted.secrets import looks_like_secret

SEARCH = "search"
"""The embedded teacher: always there, whatever a file lists."""
DEFAULT = "default"
VARIABLE, FILE = "SRL_TEACHERS", "teachers.yaml"
MEND = "docs/teachers.md shows the format."
_EMBEDDED = TeachersFile(version=1, teachers={SEARCH: TeacherEntry(kind="search")}, responsibilities={DEFAULT: SEARCH})


@dataclass(frozen=True)
class Catalog:
    """The teachers of this installation.

    Attributes:
        path: Where they are listed; None where there is no file.
    """

    file: TeachersFile
    path: Path | None

    @property
    def teachers(self) -> dict[str, TeacherEntry]:
        """Name -> entry, the embedded teacher included."""
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
    """The teachers as the file lists them now; raises TeacherError with file, line and mend."""
    path = teachers_file()
    if path is None:
        return Catalog(_EMBEDDED, None)
    try:
        stat = path.stat()
    except OSError as error:
        raise TeacherError(f"{path.name} cannot be read: {error.strerror}.", where=str(path), mend=MEND) from error
    return _read_if_changed(path, (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))


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


@lru_cache(maxsize=8)
def _read_if_changed(path: Path, stamp: tuple[int, ...]) -> Catalog:
    """The catalogue in ``path``, read anew when the file is not as stamped. An error is not remembered."""
    return read_catalog(path)


def read_catalog(path: Path) -> Catalog:
    """Read a file of teachers; raises TeacherError with file, line and mend."""
    problem: PackError | None = None
    try:
        source = read_yaml(path)
        _check_plain(source)
        file: TeachersFile = validate(cast("Any", TeachersFile), source)  # takes any record, not only a pack's
        _check_search(file, source)
        return Catalog(file, path)
    except PackError as error:
        problem = error
    # Outside of the handler: the cause would quote the file, and the file may hold a key that was pasted into it.
    mend = problem.mend if "docs/packs.md" not in problem.mend else MEND
    raise TeacherError(_without_secret(problem.what), where=problem.where, mend=mend)


def _check_plain(source: YamlSource) -> None:
    """The likeliest mistake is told without quoting it: a key where the name of its variable belongs."""
    listed = source.value.get("teachers") if isinstance(source.value, dict) else None
    for name, entry in listed.items() if isinstance(listed, dict) else ():
        variable = entry.get("api_key_env") if isinstance(entry, dict) else None
        if variable is not None and not _is_variable(variable):
            raise PackError(
                f"teachers.{name}.api_key_env is no name of an environment variable.",
                where=source.place(("teachers", name, "api_key_env")),
                mend="Write the NAME of the variable that holds the key, in capitals. If the key itself stands here, "
                "remove it, and replace it at the vendor if anyone else could read this file.",
            )


def _is_variable(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier() and value.isupper() and not looks_like_secret(value)


def _check_search(file: TeachersFile, source: YamlSource) -> None:
    """One name for the embedded teacher: a pin names it, and it knows no other."""
    for name, entry in file.teachers.items():
        if (name == SEARCH) != (entry.kind == "search"):
            raise PackError(
                f"teachers.{name}: the teacher of kind 'search' is called 'search', and no other is.",
                where=source.place(("teachers", name)),
                mend="Rename it.",
            )


def _without_secret(text: str) -> str:
    return "A value has the form of a credential; it is not shown." if looks_like_secret(text) else text
