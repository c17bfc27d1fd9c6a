"""Writes of several threads in one transaction: each gets its own outcome."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.sqlite import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "n.sqlite", kind="list of numbers", version=1, schema="CREATE TABLE t (n INTEGER)")


def put(n: int) -> Callable[[sqlite3.Connection], int]:
    return lambda db: db.execute("INSERT INTO t VALUES (?)", (n,)).rowcount


def together(database: Database, *works: Callable[[sqlite3.Connection], int]) -> list[Future[int]]:
    """``works`` in one transaction: they come while another process keeps the first write waiting."""
    other = sqlite3.connect(database.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(len(works) + 1) as pool:
        pool.submit(database.write, put(0), durable=True)
        time.sleep(0.1)
        found = [pool.submit(database.write, work, durable=True) for work in works]
        time.sleep(0.1)
        other.execute("COMMIT")
    return found


def numbers(database: Database) -> set[int]:
    return {n for (n,) in database.read("SELECT n FROM t")}


def test_a_refused_part_is_undone_and_the_others_are_kept(database: Database) -> None:
    def refused(db: sqlite3.Connection) -> int:
        put(1)(db)
        raise PipelineError("no", where="here", mend="ask for less")

    bad, good = together(database, refused, put(2))
    assert isinstance(bad.exception(), PipelineError)
    assert good.result() == 1
    assert numbers(database) == {0, 2}


def test_a_lone_refusal_leaves_nothing_behind(database: Database) -> None:
    def refused(db: sqlite3.Connection) -> int:
        put(1)(db)
        raise PipelineError("no", where="here", mend="ask for less")

    with pytest.raises(PipelineError, match="no"):
        database.write(refused, durable=False)
    assert numbers(database) == set()
    assert database.write(put(2), durable=False) == 1


def test_an_unforeseen_error_undoes_all_parts_and_no_thread_takes_its_own_as_written(database: Database) -> None:
    def broken(db: sqlite3.Connection) -> int:
        raise ZeroDivisionError

    found = together(database, put(1), broken, put(2))
    errors = [f.exception() for f in found]
    assert all(errors)
    assert sum(isinstance(e, ZeroDivisionError) for e in errors) == 1
    assert sum(isinstance(e, PipelineError) and "cut short" in e.what for e in errors) == 2
    assert numbers(database) == {0}
    assert database.write(put(3), durable=True) == 1


def test_what_must_be_durable_is_flushed_and_what_need_not_be_is_not(database: Database) -> None:
    def level(db: sqlite3.Connection) -> int:
        return db.execute("PRAGMA synchronous").fetchone()[0]

    full, normal = 2, 1
    assert database.write(level, durable=True) == full
    assert database.write(level, durable=False) == normal


def test_many_threads_write_in_far_fewer_transactions(database: Database) -> None:
    def slow(db: sqlite3.Connection) -> int:
        time.sleep(0.002)
        return put(1)(db)

    statements: list[str] = []
    database.write(lambda db: db.set_trace_callback(statements.append), durable=False)
    start = threading.Barrier(32)

    def work(_: int) -> None:
        start.wait()
        database.write(slow, durable=True)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))
    assert len(database.read("SELECT n FROM t")) == 32
    assert statements.count("COMMIT") <= 16
