"""Decisions, aliases and settings in a SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Json
from srl_pipeline.registry.actor import actor
from srl_pipeline.registry.decisions import Alias, Decision, Kind, check_expected
from srl_pipeline.registry.seals import Sealed, seal
from srl_pipeline.registry.sqlite import Database

DECISIONS = "decisions.sqlite"
"""Its name in an installation's folder."""
_SCHEMA = """
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model_type TEXT NOT NULL,
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    seal TEXT NOT NULL DEFAULT ''
);
CREATE INDEX decisions_by_type ON decisions (model_type, id);
CREATE INDEX decisions_by_kind ON decisions (model_type, kind, id);
CREATE TABLE aliases (model_type TEXT NOT NULL, alias TEXT NOT NULL, version TEXT NOT NULL,
    decision INTEGER NOT NULL REFERENCES decisions, PRIMARY KEY (model_type, alias));
CREATE TABLE settings (model_type TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    decision INTEGER NOT NULL REFERENCES decisions, PRIMARY KEY (model_type, name))
"""
_UPGRADES = {1: "ALTER TABLE decisions ADD COLUMN seal TEXT NOT NULL DEFAULT ''"}


class SqliteDecisions:
    """Implements `Decisions`."""

    def __init__(self, file: Path) -> None:
        self._database = Database(file, kind="register of decisions", version=2, schema=_SCHEMA, upgrades=_UPGRADES)

    def record(
        self,
        decision: Decision,
        *,
        aliases: Mapping[Alias, str | None] | None = None,
        settings: Mapping[str, Json] | None = None,
        expected: Mapping[Alias, str | None] | None = None,
    ) -> Decision:
        """Keep ``decision`` with what it changes, all or nothing; raises `Conflict`."""

        told = decision.model_copy(update={"actor": actor()})

        def work(db: sqlite3.Connection) -> Decision:
            name = told.model_type
            check_expected(name, _aliases(db, name), expected or {})
            text = dumps(told.model_dump(mode="json", exclude={"id"}))
            newest = db.execute("SELECT seal FROM decisions ORDER BY id DESC LIMIT 1").fetchone()
            row = (name, told.kind, text, seal(newest[0] if newest else "", text))
            number = db.execute(
                "INSERT INTO decisions (model_type, kind, record, seal) VALUES (?, ?, ?, ?)", row
            ).lastrowid
            assert number is not None  # an INSERT has one
            for alias, version in (aliases or {}).items():
                _put(db, "aliases", "alias", "version", (name, alias), version, number)
            for setting, value in (settings or {}).items():
                text = None if value is None else dumps(value)
                _put(db, "settings", "name", "value", (name, setting), text, number)
            return told.model_copy(update={"id": number})

        return self._database.write(work, durable=True)

    def aliases(self, model_type: str) -> dict[Alias, str]:
        """The aliases of a model type that are set."""
        return dict(self._rows("SELECT alias, version FROM aliases WHERE model_type = ? ORDER BY alias", model_type))

    def settings(self, model_type: str) -> dict[str, Json]:
        """The settings that decisions made for a model type."""
        rows = self._rows("SELECT name, value FROM settings WHERE model_type = ? ORDER BY name", model_type)
        return {name: json.loads(value) for name, value in rows}

    def setting_decisions(self, model_type: str) -> dict[str, Decision]:
        """Dotted name of each of these settings -> the decision that made it."""
        rows = self._rows(
            "SELECT name, id, record FROM settings JOIN decisions ON id = decision WHERE settings.model_type = ? "
            "ORDER BY name",
            model_type,
        )
        return {name: _decision(number, record) for name, number, record in rows}

    def decisions(
        self, model_type: str | None = None, *, kind: Kind | None = None, last: int | None = None
    ) -> list[Decision]:
        """Decisions, newest first: of a model type or of all, of a kind or of all, the ``last`` so many."""
        query, parameters = newest_first(model_type, kind, last)
        return [_decision(number, record) for number, record in self._rows(query, *parameters)]

    def sealed(self) -> tuple[list[Sealed], int]:
        """All decisions as they are kept, oldest first, and how many were ever kept: SQLite counts for itself."""
        # first: what is kept meanwhile is more than was counted, and not missing
        last = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'decisions'")
        rows = self._rows("SELECT id, record, seal FROM decisions ORDER BY id")
        return [Sealed(number=n, text=text, seal=made) for n, text, made in rows], int(last[0][0]) if last else 0

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._database.close()

    def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._database.read(query, parameters)


def newest_first(model_type: str | None, kind: Kind | None, last: int | None) -> tuple[str, list[object]]:
    """The query and its parameters. Only what is asked for stands in it: an index serves no alternative to NULL."""
    asked = {"model_type": model_type, "kind": kind}
    held = {column: value for column, value in asked.items() if value is not None}
    where = f" WHERE {' AND '.join(f'{column} = ?' for column in held)}" if held else ""
    limit = "" if last is None else " LIMIT ?"
    parameters: list[object] = [*held.values(), *([] if last is None else [last])]
    return f"SELECT id, record FROM decisions{where} ORDER BY id DESC{limit}", parameters


def _decision(number: int, record: str) -> Decision:
    return Decision.model_validate_json(record).model_copy(update={"id": number})


def _aliases(db: sqlite3.Connection, model_type: str) -> dict[Alias, str]:
    return dict(db.execute("SELECT alias, version FROM aliases WHERE model_type = ?", (model_type,)).fetchall())


def _put(
    db: sqlite3.Connection, table: str, key: str, column: str, row: tuple[str, str], value: str | None, decision: int
) -> None:
    if value is None:
        db.execute(f"DELETE FROM {table} WHERE model_type = ? AND {key} = ?", row)
        return
    db.execute(
        f"INSERT INTO {table} (model_type, {key}, {column}, decision) VALUES (?, ?, ?, ?) "
        f"ON CONFLICT (model_type, {key}) DO UPDATE SET {column} = excluded.{column}, decision = excluded.decision",
        (*row, value, decision),
    )
