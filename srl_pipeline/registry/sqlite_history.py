"""The history in a SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import dumps
from srl_pipeline.registry.history import Entry
from srl_pipeline.registry.sqlite import Database

HISTORY = "history.sqlite"
"""Its name in an installation's folder."""
_SCHEMA = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    asset TEXT NOT NULL,
    model_type TEXT NOT NULL,
    data_version TEXT NOT NULL,
    at TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX entries_by_asset ON entries (model_type, asset, seq)
"""


class SqliteHistory:
    """Implements `History`."""

    def __init__(self, file: Path) -> None:
        self._database = Database(file, kind="history", version=1, schema=_SCHEMA)

    def append(self, entry: Entry) -> Entry:
        """Keep ``entry``; where the newest of its asset is the same, that is returned as it is."""

        def work(db: sqlite3.Connection) -> Entry:
            newest = db.execute(
                "SELECT seq, record, data_version, at FROM entries WHERE model_type = ? AND asset = ? "
                "ORDER BY seq DESC LIMIT 1",
                (entry.model_type, entry.asset),
            ).fetchone()
            if newest and newest[2:] == (entry.data_version, entry.at):
                return _entry(newest[:2])
            number = db.execute(
                "INSERT INTO entries (asset, model_type, data_version, at, record) VALUES (?, ?, ?, ?, ?)",
                (
                    entry.asset,
                    entry.model_type,
                    entry.data_version,
                    entry.at,
                    dumps(entry.model_dump(mode="json", exclude={"seq"})),
                ),
            ).lastrowid
            assert number is not None  # an INSERT has one
            return entry.model_copy(update={"seq": number})

        return self._database.write(work, durable=True)

    def entries(self, asset: str, model_type: str, *, last: int | None = None) -> list[Entry]:
        """The entries of an asset of a model type, oldest first; of these the ``last`` so many."""
        rows = self._database.read(
            "SELECT seq, record FROM entries WHERE asset = ? AND model_type = ? ORDER BY seq DESC LIMIT ?",
            (asset, model_type, -1 if last is None else last),
        )
        return [_entry(row) for row in reversed(rows)]

    def all_entries(self, model_type: str) -> list[Entry]:
        """Everything of a model type, oldest first."""
        rows = self._database.read("SELECT seq, record FROM entries WHERE model_type = ? ORDER BY seq", (model_type,))
        return [_entry(row) for row in rows]

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._database.close()


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, record = row
    return Entry.model_validate_json(record).model_copy(update={"seq": seq})
