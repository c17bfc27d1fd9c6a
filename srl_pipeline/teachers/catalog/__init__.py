"""`teachers.yaml`: which teachers there are, what they cost, who may use them for what."""

from srl_pipeline.teachers.catalog.ages import MAX_AGE_DAYS, old_dates
from srl_pipeline.teachers.catalog.reading import (
    SEARCH,
    Catalog,
    current_catalog,
    read_catalog,
    register_teacher,
    teachers_file,
)
from srl_pipeline.teachers.catalog.registered import RegisteredTeacher, registered_file
from srl_pipeline.teachers.catalog.spec import Kind, Limits, Price, TeacherEntry, TeachersFile, Terms

__all__ = [
    "MAX_AGE_DAYS",
    "SEARCH",
    "Catalog",
    "Kind",
    "Limits",
    "Price",
    "RegisteredTeacher",
    "TeacherEntry",
    "TeachersFile",
    "Terms",
    "current_catalog",
    "old_dates",
    "read_catalog",
    "register_teacher",
    "registered_file",
    "teachers_file",
]
