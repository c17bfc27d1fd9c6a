"""The journal of a server: a row a request. Append-only; it holds scenarios and verdicts, never a message's text."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.registry.sqlite import Database

SERVING = "serving.sqlite"
"""Its name in an installation's folder."""
CLIENT_LEFT = "client_left"
"""Error kind of a request whose client went away: nobody's failure."""
Role = Literal["live", "shadow"]
_COLUMNS = (
    "at",
    "model_type",
    "alias",
    "version",
    "axes",
    "verified",
    "hard_violation",
    "error",
    "latency_seconds",
    "tokens",
    "since",
    "pair",
    "live_version",
    "live_verified",
)
_SCHEMA = """
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    role TEXT NOT NULL,
    at TEXT NOT NULL,
    model_type TEXT NOT NULL,
    alias TEXT NOT NULL,
    version TEXT NOT NULL,
    axes TEXT NOT NULL,
    verified INTEGER,
    hard_violation INTEGER,
    error TEXT NOT NULL,
    latency_seconds REAL NOT NULL,
    tokens INTEGER NOT NULL,
    since INTEGER NOT NULL,
    pair INTEGER,
    live_version TEXT,
    live_verified INTEGER
);
CREATE INDEX requests_by_type ON requests (model_type, role, id);
CREATE INDEX requests_by_time ON requests (model_type, role, alias, at, version, verified);
CREATE INDEX requests_by_version ON requests (model_type, role, version, since, id)
"""


class LiveRequest(Record):
    """A request and what became of its answer."""

    id: int = Field(default=0, description="Place in the journal, from 1; 0 before it is in it. Never goes back.")
    at: str = Field(description="When it was answered, by the clock, which may go back: order by `id`.")
    model_type: str
    alias: str = Field(description="The alias that the answering model served under.")
    version: str = Field(description="Data version of the registered model that answered.")
    axes: str = Field(description="Canonical JSON of the scenario's axes; empty for a request of plain messages.")
    verified: bool | None = Field(description="Whether Model C found the answer correct; None: not verified.")
    hard_violation: bool | None = Field(description="Whether the answer breaks a hard rule; None: not verified.")
    error: str = Field(description="What the model raised, or 'client_left'; empty for an answer.")
    latency_seconds: float = Field(description="Seconds of answering; waiting for a turn is not in it.")
    tokens: int = Field(description="Tokens generated.")
    since: int = Field(description="`id` of the decision that made the live version current; 0 for none.")

    @property
    def failed(self) -> bool:
        """Whether the model failed."""
        return self.error not in ("", CLIENT_LEFT)


class ShadowRequest(LiveRequest):
    """The same request, put to the other model. Both answers are judged by one rule set."""

    pair: int = Field(description="`id` of the live request.")
    live_version: str
    live_verified: bool | None = Field(description="The live answer by the rule set that judges the pair.")


class Pairs(Record):
    """Two models on the same verified requests."""

    n: int = Field(description="Requests with a verdict on both answers.")
    only_live: int = Field(description="Of these, solved by the live model alone.")
    only_shadow: int = Field(description="Of these, solved by the shadow alone.")


class Tally(Record):
    """Live requests of a time, counted."""

    n: int = Field(default=0, description="Requests.")
    judged: int = Field(default=0, description="Of these, with a verdict.")
    solved: int = Field(default=0, description="Of those, correct.")


class Journal:
    """The journal of an installation. Safe to use from threads and processes."""

    def __init__(self, home: Path) -> None:
        self._database = Database(home / SERVING, kind="journal of serving", version=1, schema=_SCHEMA)

    def append(self, request: LiveRequest) -> int:
        """Keep a live or a shadow request; returns its `id`."""
        role: Role = "shadow" if isinstance(request, ShadowRequest) else "live"
        row = (role, *(getattr(request, column, None) for column in _COLUMNS))
        places = ", ".join("?" * len(row))

        def work(db: sqlite3.Connection) -> int:
            statement = f"INSERT INTO requests (role, {', '.join(_COLUMNS)}) VALUES ({places})"
            number = db.execute(statement, row).lastrowid
            assert number is not None  # an INSERT has one
            return number

        # Not flushed to disk: a loss of power may cost the last rows, which no promise rests on.
        return self._database.write(work, durable=False)

    def live(self, model_type: str) -> list[LiveRequest]:
        """Live requests of a model type, oldest first."""
        columns = _COLUMNS[: _COLUMNS.index("pair")]
        rows = self._database.read(
            f"SELECT id, {', '.join(columns)} FROM requests WHERE model_type = ? AND role = 'live' ORDER BY id",
            (model_type,),
        )
        return [_live(columns, row) for row in rows]

    def tally(self, model_type: str, after: str, version: str = "") -> Tally:
        """The live requests under the alias `current` that were answered after a moment (ISO 8601, UTC).

        ``version``: by that model; empty: by whichever was current.
        """
        [(n, judged, solved)] = self._database.read(
            "SELECT COUNT(*), COUNT(verified), COALESCE(SUM(verified), 0) FROM requests "
            "WHERE model_type = ? AND role = 'live' AND alias = 'current' AND at > ? AND ? IN ('', version)",
            (model_type, after, version),
        )
        return Tally(n=n, judged=judged, solved=solved)

    def failures(self, model_type: str, role: Role, version: str, since: int, last: int) -> list[bool]:
        """Whether each of the ``last`` so many requests to a version failed, oldest first.

        Only of those under the decision ``since``: what is current anew begins with a clean sheet.
        """
        rows = self._database.read(
            "SELECT error != '' FROM requests WHERE model_type = ? AND role = ? AND version = ? AND since = ? "
            "AND error != ? ORDER BY id DESC LIMIT ?",
            (model_type, role, version, since, CLIENT_LEFT, last),
        )
        return [bool(failed) for (failed,) in reversed(rows)]

    def pairs(self, model_type: str, live_version: str, shadow_version: str, since: int) -> Pairs:
        """How two versions did on all the requests that both answered with a verdict, under the decision ``since``."""
        [(n, only_live, only_shadow)] = self._database.read(
            "SELECT COUNT(*), COALESCE(SUM(live_verified > verified), 0), COALESCE(SUM(verified > live_verified), 0) "
            "FROM requests WHERE model_type = ? AND role = 'shadow' AND version = ? AND live_version = ? "
            "AND since = ? AND verified IS NOT NULL AND live_verified IS NOT NULL",
            (model_type, shadow_version, live_version, since),
        )
        return Pairs(n=n, only_live=only_live, only_shadow=only_shadow)

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._database.close()


def tally_since(home: Path, model_type: str, after: str, version: str = "") -> Tally:
    """The live requests of a model type after a moment (`Journal.tally`); none where nothing ever served."""
    if not (home / SERVING).exists():
        return Tally()
    journal = Journal(home)
    try:
        return journal.tally(model_type, after, version)
    finally:
        journal.close()


def _live(columns: Sequence[str], row: tuple[Any, ...]) -> LiveRequest:
    number, *values = row
    return LiveRequest.model_validate({"id": number, **dict(zip(columns, values, strict=True))})
