"""The ledger's SQLite file: what is no ledger is refused and left as it is."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import Account, Caps, SqliteLedger, actor

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


def test_a_ledger_of_the_version_before_is_read_and_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(
            "CREATE TABLE about (kind TEXT NOT NULL, version INTEGER NOT NULL);"
            "INSERT INTO about VALUES ('ledger', 1);"
            "CREATE TABLE holds (id TEXT PRIMARY KEY, call TEXT NOT NULL, run TEXT NOT NULL, model_type TEXT NOT NULL,"
            " vendor TEXT NOT NULL, amount INTEGER NOT NULL, month TEXT NOT NULL, expires_at TEXT NOT NULL,"
            " state TEXT NOT NULL, charged INTEGER) WITHOUT ROWID;"
            "CREATE TABLE totals (scope TEXT PRIMARY KEY, committed INTEGER NOT NULL, held INTEGER NOT NULL)"
            " WITHOUT ROWID;"
            "INSERT INTO holds VALUES"
            " ('h', 'c', 'r1', 'buildings', 'openai', 9, '2026-10', '2026-10-01T00:00:00+00:00', 'committed', 7);"
            "INSERT INTO totals VALUES ('month:2026-10', 7, 0);"
        )
    with closing(SqliteLedger(file)) as ledger:
        assert ledger.spent_in_month("2026-10").committed == 7
        ledger.commit(ledger.hold("d", ACCOUNT, 5, Caps(month=100), seconds=60), 4)
        old, new = ledger.charges()
    assert (old.actor, old.first_at, old.committed) == ("", "", 7)
    assert (new.actor, new.committed) == (actor(), 4)
    with closing(SqliteLedger(file)) as again:
        assert len(again.charges()) == 2
