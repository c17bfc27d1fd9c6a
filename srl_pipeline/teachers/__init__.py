"""Model B: teachers that propose solutions step by step."""

from srl_pipeline.teachers.base import Rejection, Task, Teacher, Unreadable
from srl_pipeline.teachers.pin import build_teacher_pin, pinned_teacher
from srl_pipeline.teachers.registry import make_teacher, responsible_teacher, teacher_entry, teacher_ref
from srl_pipeline.teachers.search import SearchTeacher, domain

__all__ = [
    "Rejection",
    "SearchTeacher",
    "Task",
    "Teacher",
    "Unreadable",
    "build_teacher_pin",
    "domain",
    "make_teacher",
    "pinned_teacher",
    "responsible_teacher",
    "teacher_entry",
    "teacher_ref",
]
