"""Whether who is responsible can be used at all. Asks nobody and loads nothing."""

from __future__ import annotations

from srl_pipeline.config import PipelineConfig
from srl_pipeline.selection.students import student_problem
from srl_pipeline.teachers.catalog import current_catalog


def unusable(config: PipelineConfig) -> dict[str, str]:
    """Dotted name -> name of the teacher that `teachers.yaml` does not list, and of the student that is not there.

    Raises TeacherError when `teachers.yaml` cannot be read.
    """
    teacher, student = config.generation.teacher, config.student.name
    found = {"generation.teacher": teacher} if teacher and teacher not in current_catalog().teachers else {}
    return found | ({"student.name": student} if student_problem(student) else {})
