"""Teachers by name: which one is responsible, at which version, and the teacher itself. Nothing is ever substituted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from srl_pipeline.canonical import digest
from srl_pipeline.config import home
from srl_pipeline.contracts import TeacherRef
from srl_pipeline.errors import TeacherError
from srl_pipeline.registry import code_version
from srl_pipeline.teachers.base import Teacher
from srl_pipeline.teachers.catalog import SEARCH, Kind, TeacherEntry, current_catalog
from srl_pipeline.teachers.search import SearchTeacher, search_teacher_ref
from srl_pipeline.verification import Verifier

if TYPE_CHECKING:
    from srl_pipeline.teachers.calls.caller import Asker

ROOMS = ("teachers/base.py", "teachers/prompted", "teachers/providers/schemas.py", "verification/rules.py")
"""The source that decides what a language model is asked and how it is read, beside the vendor's own."""


def responsible_teacher(name: str, model_type: str) -> str:
    """The teacher of a model type: ``name`` where one is given, else the one that `teachers.yaml` makes responsible.

    Raises TeacherError for a name that is not listed.
    """
    catalog = current_catalog()
    chosen = name or catalog.responsible(model_type)
    catalog.entry(chosen)
    return chosen


def teacher_entry(name: str) -> TeacherEntry:
    """What `teachers.yaml` says of a teacher now: its endpoint, price and limits."""
    return current_catalog().entry(name)


def teacher_ref(name: str) -> TeacherRef:
    """The current version of a teacher. Prices, limits of calls, terms and credentials are no part of it."""
    return ref_of(name, teacher_entry(name))


def ref_of(name: str, entry: TeacherEntry) -> TeacherRef:
    """The version of a teacher of this name and entry, listed or not."""
    if entry.kind == "search":
        return search_teacher_ref()
    # Its name counts: a pin is found by its version alone, and names its teacher.
    return TeacherRef(name=name, version=digest([name, entry.identity, code_version(*ROOMS, _provider(entry.kind))]))


def make_teacher(ref: TeacherRef, verifier: Verifier, asker: Asker | None = None) -> Teacher:
    """The teacher that a pin names; ``asker`` is what a language model is asked through.

    Raises TeacherError when this installation has another version of it, when its outputs may not train a model, when
    the solved tasks of its prompt are gone, altered or another model type's, or when a language model is to be used
    without an asker.
    """
    entry = teacher_entry(ref.name)
    if (current := teacher_ref(ref.name)) != ref:
        raise TeacherError(
            f"Teacher {ref.name!r} is at version {current.version}; the pin asks for {ref.version}.",
            where="asset teacher_model",
            mend="Materialize teacher_model again, then what is downstream of it.",
        )
    if ref.name == SEARCH:
        return SearchTeacher(verifier)
    check_terms(ref.name, entry)
    if asker is None:
        raise TeacherError(
            f"Teacher {ref.name!r} is a language model, and nothing here may ask one.",
            where="make_teacher",
            mend="Use it in a generation, or choose the teacher 'search' here.",
        )
    from srl_pipeline.teachers.prompted.secrets import SecretFilter
    from srl_pipeline.teachers.prompted.shots import read_shots
    from srl_pipeline.teachers.prompted.teacher import PromptedTeacher

    secrets = SecretFilter(current_catalog().key_variables)
    return PromptedTeacher(
        ref, entry, verifier, asker, secrets, read_shots(home(), entry.shots) if entry.shots else None
    )


def check_terms(name: str, entry: TeacherEntry) -> None:
    """Refuse a teacher whose outputs may not train a model, before anything is asked of it."""
    if entry.terms is not None and not entry.terms.training_allowed:
        raise TeacherError(
            f"The terms of teacher {name!r} do not allow training a model on its outputs (as of {entry.terms.as_of}).",
            where=f"teachers.{name}.terms, {current_catalog().where}",
            mend="Make another teacher responsible; or, where a contract allows it, write that down there.",
        )


def _provider(kind: Kind) -> str:
    return f"teachers/providers/{kind}.py"
