"""Teachers by name. A pin names one; an unknown name is an error, never a fall-back."""

from __future__ import annotations

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.base import Teacher
from srl_pipeline.teachers.search import SearchTeacher, search_teacher_ref
from srl_pipeline.verification import Verifier

TEACHERS = {"search": SearchTeacher}
_REFS = {"search": search_teacher_ref}


def teacher_ref(name: str) -> TeacherRef:
    """The current version of a teacher."""
    _known(name)
    return _REFS[name]()


def make_teacher(ref: TeacherRef, verifier: Verifier) -> Teacher:
    """The teacher that a pin names; raises TeacherError when this installation has another version of it."""
    _known(ref.name)
    if (current := teacher_ref(ref.name)) != ref:
        raise TeacherError(
            f"Teacher {ref.name!r} is at version {current.version}; the pin asks for {ref.version}.",
            where="asset teacher_model",
            mend="Materialize teacher_model again, then what is downstream of it.",
        )
    return TEACHERS[ref.name](verifier)


def _known(name: str) -> None:
    if name not in TEACHERS:
        raise TeacherError(
            f"There is no teacher {name!r}.", where="configuration 'teacher'", mend=f"Use one of {', '.join(TEACHERS)}."
        )
