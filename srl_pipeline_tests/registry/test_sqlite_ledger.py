"""The ledger's SQLite file: what is no ledger is refused and left as it is."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import Account, Caps, SqliteLedger

ACCOUNT = Account(run="r1", model_type="buildings", vendor="openai")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_text("these are my notes, and no ledger at all\n" * 100)
    with pytest.raises(PipelineError, match="no database") as error:
        SqliteLedger(file)
    assert error.value.where == str(file)
    assert file.read_text().startswith("these are my notes")


def test_somebody_elses_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    before = file.read_bytes()
    with pytest.raises(PipelineError, match="not a ledger"):
        SqliteLedger(file)
    assert file.read_bytes() == before


def test_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    SqliteLedger(file).close()
    with sqlite3.connect(file) as db:
        db.execute("UPDATE about SET version = 99")
    with pytest.raises(PipelineError, match="has version 99"):
        SqliteLedger(file)


def test_a_damaged_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    first = SqliteLedger(file)
    for _ in range(50):
        first.hold("call", ACCOUNT, 1, Caps(month=100), seconds=60)
    first.close()
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(bytes(data))
    with pytest.raises(PipelineError, match="damaged"):
        SqliteLedger(file).hold("call", ACCOUNT, 1, Caps(month=100), seconds=60)


def test_a_file_that_may_not_be_written_is_an_error_that_says_so() -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "ledger.sqlite"
        SqliteLedger(file).close()
        file.chmod(0o444)
        Path(name).chmod(0o555)
        with as_ordinary_user(), pytest.raises(PipelineError, match=r"may not be written|cannot be opened"):
            SqliteLedger(file)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Permissions do not bind root, as whom containers run tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_in_the_ledgers_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="cannot be opened"):
        SqliteLedger(tmp_path)
