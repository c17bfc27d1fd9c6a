"""The history's SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import SqliteDecisions, SqliteHistory


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    SqliteDecisions(tmp_path / "other.sqlite").close()
    with pytest.raises(PipelineError, match="not a history"):
        SqliteHistory(tmp_path / "other.sqlite")
