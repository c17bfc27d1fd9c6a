"""What somebody edited in the state is told; what is merely old is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from srl_pipeline.auditing import verify
from srl_pipeline.registry import DECISIONS, LEDGER, Account, Caps, SqliteDecisions, SqliteLedger
from srl_pipeline_tests.registry.test_decisions import decision

ACCOUNT = Account(run="r1", model_type="trees", vendor="openai")


@pytest.fixture
def decisions(tmp_path: Path) -> Iterator[SqliteDecisions]:
    with closing(SqliteDecisions(tmp_path / DECISIONS)) as kept:
        kept.record(decision())
        kept.record(decision(after="v2"))
        yield kept


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(tmp_path / LEDGER, now=lambda: "2026-11-28T12:00:00+00:00")) as kept:
        kept.commit(kept.hold("a", ACCOUNT, 900, Caps(month=10_000), seconds=60), 700)
        kept.hold("b", ACCOUNT, 300, Caps(month=10_000), seconds=60)
        yield kept


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        assert db.execute(statement).rowcount
        db.commit()


def test_what_is_as_it_was_kept_has_no_faults(decisions: SqliteDecisions, ledger: SqliteLedger) -> None:
    found = verify(decisions, ledger)
    assert (found.decisions, found.unsealed, found.months, found.faults) == (2, 0, 1, [])


def test_where_nothing_was_begun_nothing_is_wrong() -> None:
    assert verify(None, None).faults == []


def test_an_amount_that_was_lowered_in_the_ledger_is_told(tmp_path: Path, ledger: SqliteLedger) -> None:
    change(tmp_path / LEDGER, "UPDATE totals SET committed = 1 WHERE scope = 'month:2026-11'")
    assert [fault[:35] for fault in verify(None, ledger).faults] == ["ledger: the calls of 2026-11 add up"]


def test_a_call_that_was_removed_from_the_ledger_is_told(tmp_path: Path, ledger: SqliteLedger) -> None:
    change(tmp_path / LEDGER, "DELETE FROM holds WHERE state = 'committed'")
    assert len(verify(None, ledger).faults) == 1


def test_decisions_that_were_sealed_anew_lack_the_seal_that_was_noted(
    tmp_path: Path, decisions: SqliteDecisions
) -> None:
    noted = verify(decisions, None).newest_seal
    decisions.record(decision(after="v3"))
    assert verify(decisions, None, noted=noted).faults == []
    with closing(SqliteDecisions(tmp_path / "forged.sqlite")) as forged:
        for after in ("v1", "v9", "v3"):
            forged.record(decision(after=after))
        assert verify(forged, None).faults == []
        assert len(verify(forged, None, noted=noted).faults) == 1
