"""A configuration is kept once, when it is another than before: what changed, by whom, and nothing secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from srl_pipeline.auditing import note_configuration, seen_by
from srl_pipeline.canonical import dumps
from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.registry import DECISIONS, Decision, Decisions, SqliteDecisions, actor

AT = "2026-11-28T12:00:00+00:00"
CONFIG = PipelineConfig(preset="smoke")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Decisions]:
    for variable in ("SRL_TEACHERS", "SRL_TUNING"):
        monkeypatch.delenv(variable, raising=False)
    with closing(SqliteDecisions(tmp_path / DECISIONS)) as decisions:
        yield decisions


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("buildings")


def note(kept: Decisions, pack: Pack, folder: Path, config: PipelineConfig = CONFIG) -> Decision | None:
    return note_configuration(kept, pack.name, seen_by(config, pack, folder), config, at=AT)


def test_the_first_one_is_kept_with_who_began_and_the_same_again_is_not(
    kept: Decisions, pack: Pack, tmp_path: Path
) -> None:
    first = note(kept, pack, tmp_path)
    assert first is not None
    assert (first.kind, first.actor, first.before) == ("configuration", actor(), "")
    assert first.reasons[0] == "The first configuration that a run saw."
    assert note(kept, pack, tmp_path) is None
    assert len(kept.decisions()) == 1


def test_a_setting_that_changed_is_named_by_its_section(kept: Decisions, pack: Pack, tmp_path: Path) -> None:
    note(kept, pack, tmp_path)
    made = note(kept, pack, tmp_path, override(CONFIG, {"budget.month_usd": 20, "seed": 7}))
    assert made is not None
    assert made.reasons[0] == "Changed since the last run: settings, settings: budget."
    assert "monthly cap $20" in made.reasons[1]


@pytest.mark.parametrize("name", ["teachers.yaml", "tuning.yaml"])
def test_a_file_that_comes_changes_or_goes_is_named(kept: Decisions, pack: Pack, tmp_path: Path, name: str) -> None:
    note(kept, pack, tmp_path)
    for text in ("teachers: {}\n", "teachers: {}  # another\n", None):
        (tmp_path / name).write_text(text) if text else (tmp_path / name).unlink()
        made = note(kept, pack, tmp_path)
        assert made is not None and made.reasons[0] == f"Changed since the last run: {name}."


def test_the_file_that_the_environment_names_is_looked_at(
    kept: Decisions, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(kept, pack, tmp_path)
    other = tmp_path / "elsewhere" / "mine.yaml"
    other.parent.mkdir()
    other.write_text("teachers: {}\n")
    monkeypatch.setenv("SRL_TEACHERS", str(other))
    made = note(kept, pack, tmp_path)
    assert made is not None and made.reasons[0] == "Changed since the last run: teachers.yaml."


def test_neither_a_value_of_a_file_nor_a_place_is_kept(kept: Decisions, pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "teachers.yaml").write_text("endpoint: https://private.example\n")
    config = override(CONFIG, {"student.name": str(tmp_path / "private-folder" / "tiny")})
    made = note(kept, pack, tmp_path, config)
    assert made is not None
    text = dumps(made.model_dump(mode="json"))
    assert "student tiny" in text and "private" not in text and str(tmp_path) not in text


def test_each_model_type_has_its_own(kept: Decisions, pack: Pack, tmp_path: Path) -> None:
    note(kept, pack, tmp_path)
    assert note(kept, load_pack("trees"), tmp_path) is not None
