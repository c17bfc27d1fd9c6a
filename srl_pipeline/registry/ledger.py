"""The ledger of money: hold before spending, commit or release after. Caps hold for all processes together.

Amounts are whole nano-dollars, so sums are exact. A backend keeps the promise that, at any moment and for every cap,
committed + held never exceeds the cap; an open hold whose owner is gone is committed in full once it has expired, for
nobody knows whether the vendor will bill it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Record

Nanos: TypeAlias = int
"""Billionths of a US dollar."""
NANOS = 1_000_000_000


def nanos(usd: float) -> Nanos:
    """Dollars as nano-dollars, rounded up: an estimate is never too low by rounding."""
    return math.ceil(round(usd * NANOS, 3))


def dollars(amount: Nanos) -> float:
    """Nano-dollars as dollars, for people and metrics."""
    return amount / NANOS


class Account(Record):
    """Whom a call is charged to."""

    run: str = Field(description="Data version of the artifact that pays: independent of any run id.")
    model_type: str
    vendor: str


class Caps(Record):
    """What may be spent: in a calendar month (UTC) in all, for one model type, with one vendor; and in one run."""

    month: Nanos
    model_type_month: Nanos | None = None
    vendor_month: Nanos | None = None
    run: Nanos | None = None


class Hold(Record):
    """Money set aside for one call that is under way."""

    id: str
    call: str = Field(description="Key of the call.")
    account: Account
    amount: Nanos
    month: str = Field(description="YYYY-MM, UTC, of the moment of the hold: the month that is charged.")
    expires_at: str
    at: str = Field(default="", description="When it was set aside; empty where it was not recorded.")
    actor: str = Field(default="", description="Who ran what asks for it; empty where it was not recorded.")


class Balance(Record):
    """What was spent and what is set aside, in one scope."""

    committed: Nanos = 0
    held: Nanos = 0


class Charge(Record):
    """What one actor spent in a month for a run with a vendor, over all calls."""

    first_at: str = Field(description="When the first call was made; empty where it was not recorded.")
    last_at: str
    month: str
    account: Account
    actor: str = Field(description="Empty where it was not recorded.")
    calls: int
    committed: Nanos
    held: Nanos


def summed(holds: Iterable[tuple[Hold, str, Nanos]]) -> list[Charge]:
    """Holds with their state and what was charged for each, as charges: by month, then by their first call."""
    groups: dict[tuple[str, ...], list[tuple[Hold, str, Nanos]]] = {}
    for one in holds:
        hold = one[0]
        account = hold.account
        key = (hold.month, account.run, account.model_type, account.vendor, hold.actor)
        groups.setdefault(key, []).append(one)
    made = [
        Charge(
            first_at=min(hold.at for hold, _, _ in group),
            last_at=max(hold.at for hold, _, _ in group),
            month=group[0][0].month,
            account=group[0][0].account,
            actor=group[0][0].actor,
            calls=len(group),
            committed=sum(charged for _, _, charged in group),
            held=sum(hold.amount for hold, state, _ in group if state == "open"),
        )
        for group in groups.values()
    ]
    return sorted(made, key=lambda c: (c.month, c.first_at, c.account.run, c.account.vendor, c.actor))


class Ledger(Protocol):
    """Implemented on SQLite for one machine; on DynamoDB by the same rules. Safe to use from threads and processes."""

    def hold(self, call: str, account: Account, amount: Nanos, caps: Caps, *, seconds: float) -> Hold:
        """Set ``amount`` aside for ``seconds`` at the most; raises BudgetError when a cap would be exceeded."""
        ...

    def commit(self, hold: Hold, amount: Nanos) -> None:
        """The call cost ``amount``. Committing or releasing a hold that is closed already changes nothing."""
        ...

    def release(self, hold: Hold) -> None:
        """The call cost nothing."""
        ...

    def open_holds(self, run: str) -> list[Hold]:
        """Holds of a run that are neither committed nor released: calls that a crash cut off, or that are under way."""
        ...

    def spent_by_run(self, run: str) -> Balance:
        """All that a run has cost, over all its attempts."""
        ...

    def spent_in_month(self, month: str, *, model_type: str | None = None, vendor: str | None = None) -> Balance:
        """All that a month has cost, in all or for one model type or one vendor (not both)."""
        ...

    def statement(self, month: str) -> dict[str, Balance]:
        """All that a month has cost: 'all', then 'type <name>' and 'vendor <name>' by name; empty without any."""
        ...

    def charges(self) -> list[Charge]:
        """Everything that was ever spent or set aside, summed by month, run, vendor and actor. Reads every call."""
        ...

    def close(self) -> None:
        """Give back what it is kept in. Nothing may be under way."""
        ...
