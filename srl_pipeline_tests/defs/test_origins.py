"""Where a decided teacher or student is gone, the error of a run names the decision and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.config import override
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.errors import PipelineError, TeacherError, TrainingError
from srl_pipeline.presets import preset
from srl_pipeline.registry import DECISIONS, SqliteDecisions
from srl_pipeline.teachers import responsible_teacher
from srl_pipeline_tests.registry.test_decisions import decision


def decide(home: Path, **settings: Any) -> PipelineResource:
    decisions = SqliteDecisions(home / DECISIONS)
    decisions.record(decision(), settings={name.replace("__", "."): value for name, value in settings.items()})
    decisions.close()
    return PipelineResource(home=str(home))


def test_a_decided_teacher_that_is_no_longer_listed(tmp_path: Path) -> None:
    pipeline = decide(tmp_path, generation__teacher="nobody")
    config = override(preset("smoke"), {"generation.teacher": "nobody"})
    with pytest.raises(PipelineError, match="There is no teacher 'nobody'") as told, pipeline.origins("trees", config):
        responsible_teacher(config.generation.teacher, "trees")
    assert "Decision 1 of 2026-11-28 set generation.teacher to 'nobody'" in told.value.mend


def test_a_decided_student_that_a_training_process_did_not_find(tmp_path: Path) -> None:
    pipeline = decide(tmp_path, student__name=str(tmp_path / "gone"))
    config = override(preset("smoke"), {"student.name": str(tmp_path / "gone")})
    with pytest.raises(PipelineError) as told, pipeline.origins("trees", config):
        raise TrainingError("Student is not a folder.", where="student.name", mend="Use another.")
    assert "settings trees --clear student.name" in told.value.mend


def test_what_a_person_set_over_a_decision_is_not_blamed_on_it(tmp_path: Path) -> None:
    pipeline = decide(tmp_path, generation__teacher="large")
    config = override(preset("smoke"), {"generation.teacher": "nobody"})
    with pytest.raises(TeacherError) as told, pipeline.origins("trees", config):
        responsible_teacher("nobody", "trees")
    assert "Decision" not in told.value.mend


def test_an_error_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    pipeline = decide(tmp_path, student__name="tiny")
    error = TrainingError("The disk is full.", where="disk", mend="Free space.")
    with pytest.raises(TrainingError) as told, pipeline.origins("trees", preset("smoke")):
        raise error
    assert told.value is error
