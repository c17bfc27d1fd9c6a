"""The ledger in one SQLite file, for all processes of one machine.

Running totals of every scope make a hold as cheap in the ten-thousandth call as in the first. What is flushed to disk
before the caller goes on: holds of money, because the call that follows may be billed; and a commit above its hold.
Other commits and releases only lower what is counted as spent: where a loss of power undoes one, the hold is open
again, and is settled by the next run or committed in full when it expires. Nothing is ever counted too low.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from srl_pipeline.clock import now_iso
from srl_pipeline.registry.actor import actor
from srl_pipeline.registry.caps import check_amount, check_caps, expiry, month_scope, scopes_of, unknown_hold
from srl_pipeline.registry.ledger import Account, Balance, Caps, Charge, Hold, Nanos
from srl_pipeline.registry.sqlite import Database

LEDGER = "ledger.sqlite"
"""Its name in an installation's folder."""
VERSION = 2
SCHEMA = """
CREATE TABLE holds (
    id TEXT PRIMARY KEY, call TEXT NOT NULL, run TEXT NOT NULL, model_type TEXT NOT NULL, vendor TEXT NOT NULL,
    amount INTEGER NOT NULL, month TEXT NOT NULL, expires_at TEXT NOT NULL, state TEXT NOT NULL, charged INTEGER,
    at TEXT NOT NULL DEFAULT '', actor TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX open_by_expiry ON holds (expires_at) WHERE state = 'open';
CREATE INDEX open_by_run ON holds (run) WHERE state = 'open';
CREATE TABLE totals (
    scope TEXT PRIMARY KEY, committed INTEGER NOT NULL, held INTEGER NOT NULL
) WITHOUT ROWID
"""
UPGRADES = {
    1: """
ALTER TABLE holds ADD COLUMN at TEXT NOT NULL DEFAULT '';
ALTER TABLE holds ADD COLUMN actor TEXT NOT NULL DEFAULT ''"""
}
_COLUMNS = "id, call, run, model_type, vendor, amount, month, expires_at, at, actor"
_CHARGES = """
SELECT min(at), max(at), month, run, model_type, vendor, actor, count(*), sum(ifnull(charged, 0)),
    sum(iif(state = 'open', amount, 0))
FROM holds GROUP BY month, run, model_type, vendor, actor ORDER BY month, min(at), run, vendor, actor"""


class SqliteLedger:
    """Implements `Ledger`. ``now`` gives the time as `clock.now_iso` does.

    Raises PipelineError for a file that is no ledger, of another version, damaged or not writable.
    """

    def __init__(self, file: Path, *, now: Callable[[], str] = now_iso) -> None:
        self._database = Database(file, kind="ledger", version=VERSION, schema=SCHEMA, upgrades=UPGRADES)
        self._now = now

    def hold(self, call: str, account: Account, amount: Nanos, caps: Caps, *, seconds: float) -> Hold:
        """Set ``amount`` aside; raises BudgetError when a cap would be exceeded. An amount of 0 needs no cap."""
        check_amount(amount)
        who = actor()

        def work(db: sqlite3.Connection) -> Hold:
            now = self._now()
            _close_expired(db, now)
            hold = Hold(
                id=uuid4().hex,
                call=call,
                account=account,
                amount=amount,
                month=now[:7],
                expires_at=expiry(now, seconds),
                at=now,
                actor=who,
            )
            if amount:
                check_caps(hold, caps, _totals(db, list(scopes_of(hold).values())))
            db.execute(
                f"INSERT INTO holds ({_COLUMNS}, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
                (hold.id, call, account.run, account.model_type, account.vendor, amount, *_told(hold)),
            )
            _add(db, hold, committed=0, held=amount)
            return hold

        return self._database.write(work, durable=amount > 0)

    def commit(self, hold: Hold, amount: Nanos) -> None:
        """The call cost ``amount``. A hold that is closed already, also by expiry, stays as it is."""
        check_amount(amount)
        self._database.write(lambda db: _close(db, hold, "committed", amount), durable=amount > hold.amount)

    def release(self, hold: Hold) -> None:
        """The call cost nothing."""
        self._database.write(lambda db: _close(db, hold, "released", 0), durable=False)

    def open_holds(self, run: str) -> list[Hold]:
        """Holds of a run that are neither closed nor expired, oldest expiry first."""

        def work(db: sqlite3.Connection) -> list[Hold]:
            _close_expired(db, self._now())
            query = f"SELECT {_COLUMNS} FROM holds WHERE state = 'open' AND run = ? ORDER BY expires_at, id"
            return [_hold(row) for row in db.execute(query, (run,))]

        return self._database.write(work, durable=False)

    def spent_by_run(self, run: str) -> Balance:
        """All that a run has cost, over all its attempts."""
        return self._balance(f"run:{run}")

    def spent_in_month(self, month: str, *, model_type: str | None = None, vendor: str | None = None) -> Balance:
        """All that a month (YYYY-MM) has cost, in all or for one model type or one vendor."""
        return self._balance(month_scope(month, model_type, vendor))

    def statement(self, month: str) -> dict[str, Balance]:
        """All that a month (YYYY-MM) has cost, by scope."""

        def work(db: sqlite3.Connection) -> dict[str, Balance]:
            _close_expired(db, self._now())
            found: dict[str, Balance] = {}
            for name, scope in (("all", "month"), ("type", "model_type"), ("vendor", "vendor")):
                prefix = f"{scope}:{month}"
                query = "SELECT scope, committed, held FROM totals WHERE substr(scope, 1, ?) = ? ORDER BY scope"
                for key, committed, held in db.execute(query, (len(prefix), prefix)):
                    label = f"{name} {key.removeprefix(prefix + ':')}" if scope != "month" else name
                    found[label] = Balance(committed=committed, held=held)
            return found

        return self._database.write(work, durable=False)

    def charges(self) -> list[Charge]:
        """Everything that was ever spent or set aside, by month, run, vendor and actor."""

        def work(db: sqlite3.Connection) -> list[Charge]:
            _close_expired(db, self._now())
            return [_charge(row) for row in db.execute(_CHARGES)]

        return self._database.write(work, durable=False)

    def close(self) -> None:
        """Give the file back. Nothing may be under way."""
        self._database.close()

    def _balance(self, scope: str) -> Balance:
        def work(db: sqlite3.Connection) -> Balance:
            _close_expired(db, self._now())
            return _totals(db, [scope]).get(scope, Balance())

        return self._database.write(work, durable=False)


def _told(hold: Hold) -> tuple[str, str, str, str]:
    return hold.month, hold.expires_at, hold.at, hold.actor


def _hold(row: tuple[str, str, str, str, str, int, str, str, str, str]) -> Hold:
    key, call, run, model_type, vendor, amount, month, expires_at, at, who = row
    account = Account(run=run, model_type=model_type, vendor=vendor)
    told = {"month": month, "expires_at": expires_at, "at": at, "actor": who}
    return Hold(id=key, call=call, account=account, amount=amount, **told)


def _charge(row: tuple[str, str, str, str, str, str, str, int, int, int]) -> Charge:
    first, newest, month, run, model_type, vendor, who, calls, committed, held = row
    account = Account(run=run, model_type=model_type, vendor=vendor)
    sums = {"calls": calls, "committed": committed, "held": held}
    return Charge(first_at=first, last_at=newest, month=month, account=account, actor=who, **sums)


def _totals(db: sqlite3.Connection, scopes: list[str]) -> dict[str, Balance]:
    """Scope -> its sums; scopes in which nothing was ever held are left out."""
    marks = ", ".join("?" for _ in scopes)
    rows = db.execute(f"SELECT scope, committed, held FROM totals WHERE scope IN ({marks})", scopes)
    return {scope: Balance(committed=committed, held=held) for scope, committed, held in rows}


def _add(db: sqlite3.Connection, hold: Hold, *, committed: Nanos, held: Nanos) -> None:
    db.executemany(
        "INSERT INTO totals VALUES (?1, ?2, ?3) ON CONFLICT (scope) DO UPDATE "
        "SET committed = committed + ?2, held = held + ?3",
        [(scope, committed, held) for scope in scopes_of(hold).values()],
    )


def _close(db: sqlite3.Connection, hold: Hold, state: str, charged: Nanos) -> None:
    changed = db.execute(
        "UPDATE holds SET state = ?, charged = ? WHERE id = ? AND state = 'open'", (state, charged, hold.id)
    ).rowcount
    if changed:
        _add(db, hold, committed=charged, held=-hold.amount)
    elif db.execute("SELECT 1 FROM holds WHERE id = ?", (hold.id,)).fetchone() is None:
        raise unknown_hold(hold, "Was the ledger's file replaced while a run was under way? Restore it and run again.")


def _close_expired(db: sqlite3.Connection, now: str) -> None:
    rows = db.execute(f"SELECT {_COLUMNS} FROM holds WHERE state = 'open' AND expires_at < ?", (now,)).fetchall()
    for hold in map(_hold, rows):
        _close(db, hold, "expired", hold.amount)
