"""A student that is gone is refused, whatever its old report says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from srl_pipeline.config import override
from srl_pipeline.model_types import Pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.selection import assess, student_fingerprint, unusable
from srl_pipeline.selection.students import Reports, student_candidate, student_problem
from srl_pipeline_tests.selection.given import measured, student_here

NONE = Reports({}, {})


@pytest.fixture
def student(tmp_path: Path) -> Path:
    student_here(tmp_path / "student")
    return tmp_path / "student"


def test_a_student_that_is_there_has_no_problem(student: Path) -> None:
    assert student_problem(str(student)) == ""
    assert student_problem("tiny") == ""


@pytest.mark.parametrize("lost", ["", "config.json", "model.safetensors"])
def test_a_student_that_is_gone_or_broken_is_unavailable_however_good_its_report(student: Path, lost: str) -> None:
    if lost:
        (student / lost).unlink()
    else:
        shutil.rmtree(student)
    config = preset("smoke").selection
    [found] = assess([student_candidate(str(student), NONE)], {str(student): measured(str(student))}, "old", config)
    assert [refusal.constraint for refusal in found.refusals] == ["availability"]
    assert found.score is None


def test_a_student_that_goes_calls_for_a_check(tmp_path: Path, scaffold_pack: Pack, student: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    config = override(preset("smoke"), {"selection.students": ["tiny", str(student)]})
    before = student_fingerprint(store, scaffold_pack, config)
    shutil.rmtree(student)
    assert student_fingerprint(store, scaffold_pack, config) != before


def test_what_is_responsible_and_not_there_is_told_by_the_name_of_its_setting(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    config = override(preset("smoke"), {"generation.teacher": "nobody", "student.name": gone})
    assert unusable(config) == {"generation.teacher": "nobody", "student.name": gone}
    assert unusable(preset("smoke")) == {}
