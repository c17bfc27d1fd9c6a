"""A SQLite file that many threads and processes write to.

Writes of threads that come together are committed together: flushing to disk takes milliseconds, whatever it flushes.
The first thread that finds nobody writing takes whatever is queued into one transaction; the others wait for it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Lock
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.artifacts import disk_errors

T = TypeVar("T")
BUSY_SECONDS = 30.0
"""How long a write waits for another process."""


class _Job(Generic[T]):
    """One thread's part of a transaction."""

    def __init__(self, work: Callable[[sqlite3.Connection], T], durable: bool) -> None:
        self.work = work
        self.durable = durable
        self.finished = False
        self.results: list[T] = []
        self.error: PipelineError | None = None

    def outcome(self, file: Path) -> T:
        if self.error is not None:
            raise self.error
        if not self.results:
            raise PipelineError(
                "A write was cut short with the one of another thread; nothing of it was kept.",
                where=str(file),
                mend="See the other thread's error, then run again.",
            )
        return self.results[0]


class Database:
    """One file of one kind and version. Safe to use from threads; each process opens its own.

    Args:
        kind: What the file is, in a word or two: told in errors.
        version: Version of ``schema``; a file of a version that no upgrade leads from is refused.
        schema: Statements that make an empty file one of this kind.
        upgrades: Older version -> statements that make a file of it one of the next version.
    """

    def __init__(
        self, file: Path, *, kind: str, version: int, schema: str, upgrades: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        self.file = file.absolute()
        with disk_errors(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
        self._turn = Condition()
        self._busy = False
        self._waiting: list[_Job[Any]] = []
        self._reading = Lock()
        self._synchronous = ""
        with self._errors():
            self._writer = self._connect()
            self._prepare(kind, version, schema, upgrades)
            self._reader = self._connect()

    def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """Run ``work`` in a transaction; what it does is visible to all processes when this returns.

        ``durable``: flushed to disk as well, so that it survives a loss of power. Otherwise it survives the end of the
        process, and a loss of power may undo it with everything after it. A PipelineError that ``work`` raises undoes
        its own part and is raised here. Raises PipelineError when the file cannot be written.
        """
        job = _Job(work, durable)
        with self._turn:
            self._waiting.append(job)
            while self._busy and not job.finished:
                self._turn.wait()
            if job.finished:
                return job.outcome(self.file)
            self._busy = True
            group, self._waiting = self._waiting, []
        try:
            self._commit(group)
        finally:
            with self._turn:
                self._busy = False
                for member in group:
                    member.finished = True
                self._turn.notify_all()
        return job.outcome(self.file)

    def read(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of what is committed."""
        with self._reading, self._errors():
            return self._reader.execute(query, parameters).fetchall()

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._reader.close()
        self._writer.close()

    def _commit(self, group: list[_Job[Any]]) -> None:
        try:
            with self._errors():
                self._flush_when_committing(any(job.durable for job in group))
                self._writer.execute("BEGIN IMMEDIATE")
                for job in group:
                    self._run(job, alone=len(group) == 1)
                self._writer.execute("COMMIT")
        except PipelineError as error:
            for job in group:
                job.error = error
        except BaseException:
            for job in group:
                job.results.clear()
            raise
        finally:
            if self._writer.in_transaction:
                self._writer.rollback()

    def _run(self, job: _Job[Any], *, alone: bool) -> None:
        """A refusal undoes the job's own part: where it is ``alone``, that is the whole transaction."""
        if alone:
            job.results.append(job.work(self._writer))
            return
        self._writer.execute("SAVEPOINT part")
        try:
            job.results.append(job.work(self._writer))
        except PipelineError as refusal:
            job.error = refusal
            self._writer.execute("ROLLBACK TO part")
        self._writer.execute("RELEASE part")

    def _flush_when_committing(self, durable: bool) -> None:
        wanted = "FULL" if durable else "NORMAL"
        if wanted != self._synchronous:
            self._writer.execute(f"PRAGMA synchronous={wanted}")
            self._synchronous = wanted

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _prepare(self, kind: str, version: int, schema: str, upgrades: Mapping[int, str]) -> None:
        """Check before anything is changed: the file may be somebody else's."""
        tables = {str(name) for (name,) in self._writer.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "about" not in tables:
            raise self._foreign(kind)
        _use_write_ahead_log(self._writer)
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.execute("CREATE TABLE IF NOT EXISTS about (kind TEXT NOT NULL, version INTEGER NOT NULL)")
        row: tuple[str, int] | None = self._writer.execute("SELECT kind, version FROM about").fetchone()
        if row is None:
            self._writer.execute("INSERT INTO about VALUES (?, ?)", (kind, version))
            self._carry_out(schema)
            row = (kind, version)
        while row[0] == kind and row[1] < version and row[1] in upgrades:
            self._carry_out(upgrades[row[1]])
            row = (kind, row[1] + 1)
            self._writer.execute("UPDATE about SET version = ?", (row[1],))
        self._writer.execute("COMMIT")
        if row[0] != kind:
            raise self._foreign(kind)
        if row[1] != version:
            raise PipelineError(
                f"This {kind} has version {row[1]}; this program reads and writes version {version}.",
                where=str(self.file),
                mend="Use the program's version that made it, or move the file away: a new one is begun.",
            )

    def _carry_out(self, statements: str) -> None:
        for statement in filter(str.strip, statements.split(";")):
            self._writer.execute(statement)

    def _foreign(self, kind: str) -> PipelineError:
        return PipelineError(
            f"This file is a database, but not a {kind}.",
            where=str(self.file),
            mend="Move it away, or choose another folder (SRL_HOME).",
        )

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        """Say what is wrong with the file instead of SQLite's words alone."""
        try:
            yield
        except sqlite3.Error as error:
            what, mend = _REASONS.get(_code(error), ("The file cannot be used", "See SQLite's message."))
            raise PipelineError(f"{what} ({error}).", where=str(self.file), mend=mend) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the module raised the error itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Readers do not block writers. SQLite does not wait for other processes at this switch, so it is tried again."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


_RESTORE = "Restore it from a copy, or move it away: a new one is begun, which knows nothing of what was spent or paid."
_REASONS = {
    sqlite3.SQLITE_NOTADB: ("The file is no database", _RESTORE),
    sqlite3.SQLITE_CORRUPT: ("The file is damaged", _RESTORE),
    sqlite3.SQLITE_READONLY: ("The file may not be written", "Grant access, or choose another folder (SRL_HOME)."),
    sqlite3.SQLITE_CANTOPEN: ("The file cannot be opened", "Grant access, or choose another folder (SRL_HOME)."),
    sqlite3.SQLITE_FULL: ("The disk is full", "Free space and run again; what was written before is kept."),
    sqlite3.SQLITE_IOERR: ("The disk reports an error", "Check disk and space, then run again."),
    sqlite3.SQLITE_BUSY: (
        f"Another process kept the file locked for {BUSY_SECONDS:.0f} seconds",
        "Look for a process that hangs, then run again.",
    ),
}
