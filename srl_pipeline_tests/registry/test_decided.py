"""Every decided setting can be traced to its decision, and taken back by another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import (
    DECISIONS,
    Decision,
    Kind,
    SqliteDecisions,
    clear_setting,
    decided_settings,
    origin,
)
from srl_pipeline_tests.registry.test_decisions import decision

TEACHER = "generation.teacher"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[SqliteDecisions]:
    decisions = SqliteDecisions(tmp_path / DECISIONS)
    yield decisions
    decisions.close()


def chosen(kept: SqliteDecisions, value: str = "large", **changes: object) -> Decision:
    told = decision(kind="teacher", at="2026-12-05T08:00:00+00:00", after=value, **changes)
    return kept.record(told, settings={TEACHER: value})


def test_a_setting_names_the_decision_that_made_it_last(kept: SqliteDecisions) -> None:
    chosen(kept)
    newest = chosen(kept, "larger")
    kept.record(decision())
    chosen(kept, "other", model_type="sounds")
    assert kept.setting_decisions("trees") == {TEACHER: newest}


def test_the_origin_of_a_setting_says_who_set_it_and_how_to_go_back(tmp_path: Path, kept: SqliteDecisions) -> None:
    chosen(kept)
    told = origin(tmp_path, "trees", TEACHER)
    assert told.startswith("Decision 1 of 2026-12-05 set generation.teacher to 'large'")
    assert "srl-pipeline settings trees --clear generation.teacher --reason" in told


def test_what_nobody_decided_has_no_origin_and_looking_makes_no_file(tmp_path: Path, kept: SqliteDecisions) -> None:
    chosen(kept)
    assert origin(tmp_path, "trees", "student.name") == ""
    assert origin(tmp_path, "sounds", TEACHER) == ""
    assert origin(tmp_path / "elsewhere", "trees", TEACHER) == ""
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [("teacher", TEACHER, "large"), ("student", "student.name", "tiny"), ("retraining", "generation.generation", 3)],
)
def test_a_setting_is_taken_back_by_a_decision_of_its_kind(
    tmp_path: Path, kept: SqliteDecisions, kind: Kind, name: str, value: str | int
) -> None:
    kept.record(decision(kind=kind), settings={name: value, "other.setting": 1})
    made = clear_setting(kept, "trees", name, reason="It was wrong.")
    assert decided_settings(tmp_path, "trees") == {"other.setting": 1}
    assert (made.kind, made.verdict, made.subject) == (kind, "change", name)
    assert made.before == f"{name} is {value!r}, by decision 1"
    assert "It was wrong." in made.reasons[0]
    assert kept.decisions("trees", last=1) == [made]


@pytest.mark.parametrize("name", ["student.name", "no.such.setting", ""])
def test_what_is_not_set_is_not_taken_back(kept: SqliteDecisions, name: str) -> None:
    chosen(kept)
    with pytest.raises(PipelineError, match="No decision made a setting") as told:
        clear_setting(kept, "trees", name, reason="Why not.")
    assert TEACHER in told.value.mend
    assert len(kept.decisions()) == 1


def test_nothing_is_taken_back_without_a_reason(kept: SqliteDecisions) -> None:
    chosen(kept)
    with pytest.raises(PipelineError, match="without a reason"):
        clear_setting(kept, "trees", TEACHER, reason="  ")
    assert kept.settings("trees") == {TEACHER: "large"}
