"""Who is responsible: which teacher teaches a model type, which student is trained. Importing it loads no SDK."""

from srl_pipeline.selection.questions import student_question, teacher_question
from srl_pipeline.selection.records import Assessment, BreakEven, Candidate, Choice, Measurement, Refusal, Score
from srl_pipeline.selection.schedule import due
from srl_pipeline.selection.scoring import assess
from srl_pipeline.selection.select import consider, select_student, select_teacher
from srl_pipeline.selection.standing import unusable
from srl_pipeline.selection.students import student_fingerprint
from srl_pipeline.selection.switching import break_even, decide
from srl_pipeline.selection.teachers import teacher_fingerprint

__all__ = [
    "Assessment",
    "BreakEven",
    "Candidate",
    "Choice",
    "Measurement",
    "Refusal",
    "Score",
    "assess",
    "break_even",
    "consider",
    "decide",
    "due",
    "select_student",
    "select_teacher",
    "student_fingerprint",
    "student_question",
    "teacher_fingerprint",
    "teacher_question",
    "unusable",
]
