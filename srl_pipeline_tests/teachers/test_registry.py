"""Teachers by name, version and responsibility; nothing is ever substituted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from srl_pipeline.contracts import TeacherRef
from srl_pipeline.errors import TeacherError
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.teachers import (
    SearchTeacher,
    build_teacher_pin,
    make_teacher,
    pinned_teacher,
    responsible_teacher,
    teacher_ref,
)
from srl_pipeline.teachers.prompted.teacher import PromptedTeacher
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed
from srl_pipeline_tests.teachers.prompted.asking import ScriptedAsker


def test_a_pin_makes_the_teacher_that_it_names(tmp_path: Path, scaffold_pack: Pack) -> None:
    pin = build_teacher_pin(ArtifactStore(tmp_path / "store"), "lanterns", "search").artifact
    teacher = make_teacher(pinned_teacher(pin), Verifier(scaffold_pack))
    assert isinstance(teacher, SearchTeacher)
    assert teacher.ref == teacher_ref("search")


def test_a_teacher_of_another_version_is_refused(scaffold_pack: Pack) -> None:
    with pytest.raises(TeacherError, match="the pin asks for 0123"):
        make_teacher(TeacherRef(name="search", version="0123"), Verifier(scaffold_pack))


@pytest.mark.parametrize("name", ["oracle", "Search", "../search"])
def test_an_unknown_teacher_is_refused_with_the_known_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(TeacherError, match="There is no teacher") as caught:
        build_teacher_pin(ArtifactStore(tmp_path), "lanterns", name)
    assert "search" in caught.value.mend


def test_the_responsible_teacher_teaches_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(entry(), buildings="hosted"), monkeypatch)
    assert responsible_teacher("", "buildings") == "hosted"
    assert responsible_teacher("", "sounds") == "search"
    assert responsible_teacher("search", "buildings") == "search"
    with pytest.raises(TeacherError, match="There is no teacher 'nobody'"):
        responsible_teacher("nobody", "buildings")


def test_what_decides_answers_makes_a_new_version_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(text: str, name: str = "hosted") -> str:
        listed(tmp_path, file_of(text), monkeypatch)
        return teacher_ref(name).version

    first = version(entry())
    assert version(entry(price=3, day="2026-11-02", allowed="false")) == first
    assert version(entry().replace("TEST_TEACHER_KEY", "ANOTHER_KEY")) == first
    assert version(entry().replace("limits: {", "limits: {concurrency: 2, attempts: 2, timeout_seconds: 9, ")) == first
    others = {
        version(entry(model="m-2")),
        version(entry(tokens=513)),
        version(entry().replace("m-1", 'm-1\n    revision: "2"')),
        version(entry().replace("m-1", "m-1\n    temperature: 0.1")),
        version(entry().replace("m-1", "m-1\n    structured: none")),
        version(entry().replace("127.0.0.1:1", "127.0.0.1:2")),
        version(entry(name="hosted2"), "hosted2"),  # a pin is found by version and names its teacher
    }
    assert len(others | {first}) == 8


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "transformers"])
def test_every_kind_of_teacher_has_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    listed(tmp_path, file_of(entry().replace("kind: openai", f"kind: {kind}")), monkeypatch)
    assert teacher_ref("hosted").version != teacher_ref("search").version


def test_a_pin_holds_the_entry_without_anything_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TEACHER_KEY", "opaque-value-1")
    listed(tmp_path, file_of(entry(day="2020-01-01"), lanterns="hosted"), monkeypatch)
    pin = build_teacher_pin(ArtifactStore(tmp_path / "store"), "lanterns", "").artifact
    written = (pin.path / "teacher.json").read_text()
    assert pinned_teacher(pin) == teacher_ref("hosted")
    assert json.loads(written)["entry"]["price"]["as_of"] == "2020-01-01"
    assert "opaque-value-1" not in written + pin.manifest.model_dump_json()
    assert "'price' was looked up" in pin.manifest.notes["warnings"][0]
    assert not pin.manifest.failed_gates


def test_a_listed_teacher_is_made_with_an_asker_and_only_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scaffold_pack: Pack
) -> None:
    listed(tmp_path, file_of(entry()), monkeypatch)
    ref, verifier = teacher_ref("hosted"), Verifier(scaffold_pack)
    made = make_teacher(ref, verifier, ScriptedAsker())
    assert isinstance(made, PromptedTeacher)
    assert made.ref == ref
    with pytest.raises(TeacherError, match="is a language model"):
        make_teacher(ref, verifier)


def test_a_pin_of_an_earlier_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scaffold_pack: Pack
) -> None:
    listed(tmp_path, file_of(entry()), monkeypatch)
    before = teacher_ref("hosted")
    listed(tmp_path, file_of(entry(model="m-22")), monkeypatch)
    with pytest.raises(TeacherError, match="the pin asks for") as caught:
        make_teacher(before, Verifier(scaffold_pack), ScriptedAsker())
    assert "Materialize teacher_model again" in caught.value.mend


def test_outputs_that_may_not_train_a_model_are_never_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scaffold_pack: Pack
) -> None:
    listed(tmp_path, file_of(entry(allowed="false")), monkeypatch)
    with pytest.raises(TeacherError, match="do not allow training") as caught:
        make_teacher(teacher_ref("hosted"), Verifier(scaffold_pack), ScriptedAsker())
    assert caught.value.mend
