"""On every backend, a decision that was edited or removed is noticed; what was kept before there were seals is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from srl_pipeline.registry import DECISIONS, Decisions, SqliteDecisions, actor
from srl_pipeline.registry.dynamo.sequence import place
from srl_pipeline.registry.dynamo.table import connect
from srl_pipeline.registry.dynamo.writes import Write
from srl_pipeline.registry.places import open_decisions, state_table
from srl_pipeline.registry.seals import Sealed, faults, seal
from srl_pipeline_tests.registry.test_decisions import decision


@pytest.fixture
def kept(home: Path) -> Iterator[Decisions]:
    decisions = open_decisions(home)
    for version in ("v1", "v2", "v3"):
        decisions.record(decision(after=version), aliases={"current": version})
    yield decisions
    decisions.close()


def edited(home: Path, number: int, change: Callable[[str], str]) -> None:
    """As somebody would do it who may write to the state, and knows nothing of seals."""
    if not state_table():
        with closing(sqlite3.connect(home / DECISIONS)) as db:
            (text,) = db.execute("SELECT record FROM decisions WHERE id = ?", (number,)).fetchone()
            db.execute("UPDATE decisions SET record = ? WHERE id = ?", (change(text), number))
            db.commit()
        return
    table = connect(state_table())
    found = table.get("DECISIONS#trees", place(number))
    assert found is not None
    table.write([Write("Put", {**found, "record": change(str(found["record"]))})])
    table.close()


def removed(home: Path, number: int) -> None:
    if not state_table():
        with closing(sqlite3.connect(home / DECISIONS)) as db:
            db.execute("DELETE FROM decisions WHERE id = ?", (number,))
            db.commit()
        return
    table = connect(state_table())
    table.write([Write("Delete", {"pk": "DECISIONS", "sk": place(number)})])
    table.close()


def test_a_decision_says_who_decided(kept: Decisions) -> None:
    assert {d.actor for d in kept.decisions()} == {actor()}


def test_decisions_as_they_were_kept_have_no_faults(kept: Decisions) -> None:
    records, last = kept.sealed()
    assert (len(records), last, faults(records, last)) == (3, 3, [])


def test_an_edited_decision_is_noticed(home: Path, kept: Decisions) -> None:
    edited(home, 2, lambda text: text.replace("It is better.", "It is much better."))
    assert "record 2 is not as it was kept, or the one before it is another one" in faults(*kept.sealed())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_decision_is_noticed_be_it_the_newest(home: Path, kept: Decisions, number: int) -> None:
    removed(home, number)
    assert f"record {number} is missing" in faults(*kept.sealed())


def test_after_an_edit_later_decisions_go_on_and_the_fault_stays(home: Path, kept: Decisions) -> None:
    edited(home, 1, lambda text: text.replace("It is better.", "No."))
    kept.record(decision(after="v4"))
    assert [fault.split(" is")[0] for fault in faults(*kept.sealed())] == ["record 1"]


def test_records_from_before_there_were_seals_are_no_fault_and_a_seal_that_was_taken_off_is() -> None:
    first = seal("", "b")
    old, new = Sealed(number=1, text="a", seal=""), Sealed(number=2, text="b", seal=first)
    newest = Sealed(number=3, text="c", seal=seal(first, "c"))
    assert faults([old, new, newest], 3) == []
    assert len(faults([old, new, newest.model_copy(update={"seal": ""})], 3)) == 1
    assert len(faults([new, old, newest], 3)) == 1


def test_a_register_of_the_version_before_is_read_and_goes_on_with_seals(tmp_path: Path) -> None:
    file = tmp_path / DECISIONS
    with closing(sqlite3.connect(file)) as db:
        db.executescript(
            "CREATE TABLE about (kind TEXT NOT NULL, version INTEGER NOT NULL);"
            "INSERT INTO about VALUES ('register of decisions', 1);"
            "CREATE TABLE decisions (id INTEGER PRIMARY KEY AUTOINCREMENT, model_type TEXT NOT NULL,"
            " kind TEXT NOT NULL, record TEXT NOT NULL);"
            "CREATE TABLE aliases (model_type TEXT NOT NULL, alias TEXT NOT NULL, version TEXT NOT NULL,"
            " decision INTEGER NOT NULL REFERENCES decisions, PRIMARY KEY (model_type, alias));"
            "CREATE TABLE settings (model_type TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
            " decision INTEGER NOT NULL REFERENCES decisions, PRIMARY KEY (model_type, name));"
        )
        text = decision().model_dump_json(exclude={"id", "actor"})
        db.execute("INSERT INTO decisions (model_type, kind, record) VALUES ('trees', 'promotion', ?)", (text,))
        db.commit()
    with closing(SqliteDecisions(file)) as decisions:
        decisions.record(decision(after="v2"))
        assert [(d.id, d.actor) for d in decisions.decisions()] == [(2, actor()), (1, "")]
        records, last = decisions.sealed()
        assert (records[0].seal, faults(records, last)) == ("", [])
    with closing(SqliteDecisions(file)) as again:
        assert len(again.decisions()) == 2
