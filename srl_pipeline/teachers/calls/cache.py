"""The call cache: what was paid for is kept by the content of its question, for all runs of one installation."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import ValidationError

from srl_pipeline.clock import now_iso
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import Nanos
from srl_pipeline.registry.sqlite import Database
from srl_pipeline.teachers.calls.claims import Claims
from srl_pipeline.teachers.calls.records import Reply

VERSION = 1
SCHEMA = """
CREATE TABLE replies (
    key TEXT PRIMARY KEY, reply TEXT NOT NULL, cost INTEGER NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID
"""


class CallCache:
    """Key of a call -> its answer, in a SQLite file. Safe to use from threads and processes.

    Raises PipelineError for a file that is no call cache, of another version, damaged or not writable.
    """

    def __init__(self, file: Path) -> None:
        self._database = Database(file, kind="call cache", version=VERSION, schema=SCHEMA)
        self._claims = Claims(file.with_name(file.name + ".claims"))

    def get(self, key: str) -> Reply | None:
        """The answer, if it was paid for before."""
        rows = self._database.read("SELECT reply FROM replies WHERE key = ?", (key,))
        if not rows:
            return None
        try:
            return Reply.model_validate_json(rows[0][0])
        except ValidationError as error:
            raise PipelineError(
                f"The cached answer of call {key} is not readable: {error.errors()[0]['msg']}.",
                where=str(self._database.file),
                mend="Move the file away; a new one is begun, and the answers in it are paid for again.",
            ) from error

    def cost_of(self, key: str) -> Nanos:
        """What a cached answer cost when it was paid; raises KeyError for an unknown key."""
        rows = self._database.read("SELECT cost FROM replies WHERE key = ?", (key,))
        if not rows:
            raise KeyError(key)
        return rows[0][0]

    def put(self, key: str, reply: Reply, cost: Nanos) -> None:
        """Keep an answer. A key that is known keeps its first answer.

        One that cost money is flushed to disk before this returns; a free one may be lost with the power.
        """
        row = (key, reply.model_dump_json(), cost, now_iso())

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO replies VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)

        self._database.write(work, durable=cost > 0)

    def claim(self, key: str, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        """Be the only one, of all threads and processes, who asks for ``key``; see `Claims.claim`."""
        return self._claims.claim(key, sleep)

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._database.close()
