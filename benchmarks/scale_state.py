"""The state of an installation on SQLite after months: history, decisions, ledger."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.scale_seed import ASSETS, decision, entry, seed
from benchmarks.scale_timing import Figure, timed
from srl_pipeline.registry import LEDGER, Account, Caps, SqliteLedger
from srl_pipeline.registry.sqlite import Database
from srl_pipeline.registry.sqlite_decisions import DECISIONS, SqliteDecisions
from srl_pipeline.registry.sqlite_history import HISTORY, SqliteHistory
from srl_pipeline.registry.sqlite_ledger import SCHEMA, VERSION

CALLS = 20
"""Appends, holds and questions that are timed together."""


def measure_state(types: int, generations: int, calls: int, repeats: int) -> list[Figure]:
    """Adding and asking, with so many generations of each type and so many paid calls before."""
    names = [f"type_{number:04d}" for number in range(types)]
    with TemporaryDirectory(prefix="scale-") as folder:
        home = Path(folder)
        seed(home, names, generations)
        return [*_history(home, names, generations, repeats), *_ledger(home, calls, repeats)]


def _history(home: Path, names: list[str], generations: int, repeats: int) -> list[Figure]:
    total, numbers = len(names) * generations, count(generations)
    entries, decided = f"{total * len(ASSETS):,} entries", f"{total:,} decisions"
    name, asset = names[len(names) // 2], "weaknesses"
    with closing(SqliteHistory(home / HISTORY)) as history, closing(SqliteDecisions(home / DECISIONS)) as decisions:

        def append() -> None:
            for _ in range(CALLS):
                history.append(entry(asset, name, next(numbers)))

        def record() -> None:
            for _ in range(CALLS):
                decisions.record(decision(name, next(numbers)))

        size = (home / HISTORY).stat().st_size / total / 1000
        return [
            Figure("SQLite: history, of a generation", entries, size, "kB"),
            timed("SQLite: append an entry", entries, append, repeats, parts=CALLS),
            timed(
                "SQLite: newest 8 entries of an asset", entries, lambda: history.entries(asset, name, last=8), repeats
            ),
            timed("SQLite: all entries of a type", entries, lambda: history.all_entries(name), repeats),
            timed("SQLite: record a decision", decided, record, repeats, parts=CALLS),
            timed(
                "SQLite: decisions of a kind", decided, lambda: decisions.decisions(name, kind="retraining"), repeats
            ),
            timed("SQLite: open and close", decided, lambda: SqliteDecisions(home / DECISIONS).close(), repeats),
        ]


def _ledger(home: Path, calls: int, repeats: int) -> list[Figure]:
    file, size = home / LEDGER, f"{calls:,} paid calls before"
    old = (
        "old-%d",
        "call",
        "run",
        "type_0000",
        "vendor",
        1000,
        "2026-01",
        "2026-01-02T00:00:00+00:00",
        "committed",
        900,
        "2026-01-01T00:00:00+00:00",
        "worker",
    )
    rows = ((old[0] % number, *old[1:]) for number in range(calls))
    with closing(Database(file, kind="ledger", version=VERSION, schema=SCHEMA)) as database:
        places = ", ".join("?" * len(old))
        database.write(lambda db: db.executemany(f"INSERT INTO holds VALUES ({places})", rows), durable=True)
    account = Account(run="run", model_type="type_0000", vendor="vendor")
    with closing(SqliteLedger(file)) as ledger:

        def pay() -> None:
            for _ in range(CALLS):
                ledger.commit(ledger.hold("call", account, 1000, Caps(month=10**15), seconds=60), 900)

        return [
            timed("SQLite: hold and commit of a paid call", size, pay, repeats, parts=CALLS),
            timed("SQLite: what a month has cost", size, lambda: ledger.spent_in_month("2026-01"), repeats),
        ]
