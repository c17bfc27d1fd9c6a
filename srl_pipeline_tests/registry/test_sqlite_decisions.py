"""The decisions' SQLite file: indexes serve what is asked, and looking makes no file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import DECISIONS, Kind, SqliteDecisions, SqliteHistory
from srl_pipeline.registry.decided import decided_settings
from srl_pipeline.registry.sqlite_decisions import newest_first


@pytest.mark.parametrize(("kind", "index"), [(None, "decisions_by_type"), ("promotion", "decisions_by_kind")])
def test_decisions_of_a_type_are_looked_up_in_an_index_in_their_order(
    tmp_path: Path, kind: Kind | None, index: str
) -> None:
    file = tmp_path / DECISIONS
    SqliteDecisions(file).close()
    query, parameters = newest_first("trees", kind, 1)
    assert [step.split(" (")[0] for step in plan(file, query, parameters)] == [f"SEARCH decisions USING INDEX {index}"]


def plan(file: Path, query: str, parameters: list[object]) -> list[str]:
    """What SQLite does for it, step by step."""
    with closing(sqlite3.connect(file)) as db:
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", parameters)]


def test_where_nothing_was_ever_decided_no_file_is_made(tmp_path: Path) -> None:
    assert decided_settings(tmp_path, "trees") == {}
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    SqliteHistory(tmp_path / "other.sqlite").close()
    with pytest.raises(PipelineError, match="not a register of decisions"):
        SqliteDecisions(tmp_path / "other.sqlite")
