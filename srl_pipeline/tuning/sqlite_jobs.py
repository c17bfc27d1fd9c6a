"""Tuning jobs in a SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from srl_pipeline.canonical import dumps
from srl_pipeline.registry import Conflict
from srl_pipeline.registry.sqlite import Database
from srl_pipeline.tuning.jobs import TuningJob

TUNING = "tuning.sqlite"
"""Its name in an installation's folder."""
_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    model_type TEXT NOT NULL,
    revision INTEGER NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX jobs_by_type ON jobs (model_type, number)
"""


class SqliteTuningJobs:
    """Implements `TuningJobs`."""

    def __init__(self, file: Path) -> None:
        self._database = Database(file, kind="list of tuning jobs", version=1, schema=_SCHEMA)

    def get(self, key: str) -> TuningJob | None:
        """One job."""
        rows = self._database.read("SELECT record FROM jobs WHERE key = ?", (key,))
        return TuningJob.model_validate_json(rows[0][0]) if rows else None

    def put(self, job: TuningJob) -> TuningJob:
        """Keep ``job``, flushed to disk; raises `Conflict` where it was written since it was read."""
        kept = job.model_copy(update={"revision": job.revision + 1})
        text = dumps(kept.model_dump(mode="json"))

        def work(db: sqlite3.Connection) -> TuningJob:
            if job.revision == 0:
                statement = "INSERT OR IGNORE INTO jobs (key, model_type, revision, record) VALUES (?, ?, ?, ?)"
                changed = db.execute(statement, (job.key, job.model_type, kept.revision, text)).rowcount
            else:
                statement = "UPDATE jobs SET revision = ?, record = ? WHERE key = ? AND revision = ?"
                changed = db.execute(statement, (kept.revision, text, job.key, job.revision)).rowcount
            if not changed:
                raise Conflict(
                    f"Tuning job {job.key} was changed by another process.",
                    where=str(self._database.file),
                    mend="Run the same command again: it goes on from there.",
                )
            return kept

        return self._database.write(work, durable=True)

    def jobs(self, model_type: str | None = None) -> list[TuningJob]:
        """Jobs of a model type or of all, newest first."""
        query = "SELECT record FROM jobs WHERE ? IN ('', model_type) ORDER BY number DESC"
        return [TuningJob.model_validate_json(text) for (text,) in self._database.read(query, (model_type or "",))]

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._database.close()
