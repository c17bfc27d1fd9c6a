"""The embedded default teacher: a generic expert that searches the action schema under the rules."""

from srl_pipeline.teachers.search.step_search import domain
from srl_pipeline.teachers.search.teacher import SearchTeacher, search_teacher_ref

__all__ = ["SearchTeacher", "domain", "search_teacher_ref"]
