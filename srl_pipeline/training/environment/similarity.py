"""How alike two actions are: the paper's text ratio, and per-field similarity.

The text ratio is ``R = 2M/T`` of `difflib.SequenceMatcher` (paper, equation 2), computed by `cydifflib`, which gives
identical values. It is asymmetric: always (student, expert). One wrong digit scores 0.99 in it, which is why the
per-field part exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Action, Json
from srl_pipeline.model_types import FieldSpec, NumberField, SetField, StepSpec

if TYPE_CHECKING:  # cydifflib has no types; it is difflib, compiled
    from difflib import SequenceMatcher
else:
    from cydifflib import SequenceMatcher


def text_similarity(student: Action, expert: Action, *, autojunk: bool) -> float:
    """Ratio of the canonical texts, 0..1."""
    return ratio(dumps(student), dumps(expert), autojunk=autojunk)


def ratio(student: str, expert: str, *, autojunk: bool) -> float:
    """``R = 2M/T`` of two texts, the very number that `difflib` gives."""
    return SequenceMatcher(None, student, expert, autojunk=autojunk).ratio()


def field_similarity(student: Action, expert: Action, step: StepSpec) -> float:
    """Mean over the step's fields, 0..1; a missing or foreign field counts 0."""
    names = set(step.fields) | set(student)
    return sum(
        _field(student[name], expert[name], step.fields[name])
        for name in step.fields
        if name in student and name in expert
    ) / len(names)


def _field(student: Json, expert: Json, field: FieldSpec) -> float:
    if isinstance(field, NumberField):
        if isinstance(student, bool) or not isinstance(student, (int, float)):
            return 0.0
        span = (field.maximum - field.minimum) or 1.0
        return max(0.0, 1.0 - abs(float(student) - float(expert)) / span)
    if isinstance(field, SetField):
        if not isinstance(student, list):
            return 0.0
        left, right = {str(v) for v in student}, {str(v) for v in expert}
        return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0
    return float(dumps(student) == dumps(expert))  # True is not 1
