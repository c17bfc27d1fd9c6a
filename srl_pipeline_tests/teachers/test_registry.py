"""Teachers by name and version; nothing is ever substituted."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.errors import TeacherError
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.teachers import SearchTeacher, build_teacher_pin, make_teacher, pinned_teacher, teacher_ref
from srl_pipeline.verification import Verifier


def test_a_pin_makes_the_teacher_that_it_names(tmp_path: Path, scaffold_pack: Pack) -> None:
    pin = build_teacher_pin(ArtifactStore(tmp_path / "store"), "lanterns", "search").artifact
    teacher = make_teacher(pinned_teacher(pin), Verifier(scaffold_pack))
    assert isinstance(teacher, SearchTeacher)
    assert teacher.ref == teacher_ref("search")


def test_a_teacher_of_another_version_is_refused(scaffold_pack: Pack) -> None:
    with pytest.raises(TeacherError, match="the pin asks for 0123"):
        make_teacher(TeacherRef(name="search", version="0123"), Verifier(scaffold_pack))


@pytest.mark.parametrize("name", ["oracle", "", "Search", "../search"])
def test_an_unknown_teacher_is_refused_with_the_known_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(TeacherError, match="There is no teacher") as caught:
        build_teacher_pin(ArtifactStore(tmp_path), "lanterns", name)
    assert "search" in caught.value.mend
