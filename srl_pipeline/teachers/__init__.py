"""Model B: teachers that propose solutions step by step."""

from srl_pipeline.teachers.base import Rejection, Task, Teacher
from srl_pipeline.teachers.pin import build_teacher_pin, pinned_teacher
from srl_pipeline.teachers.registry import TEACHERS, make_teacher, teacher_ref
from srl_pipeline.teachers.search import SearchTeacher, domain

__all__ = [
    "TEACHERS",
    "Rejection",
    "SearchTeacher",
    "Task",
    "Teacher",
    "build_teacher_pin",
    "domain",
    "make_teacher",
    "pinned_teacher",
    "teacher_ref",
]
