"""The ledger in a DynamoDB table, for all machines of an installation.

A hold is one transaction: the hold, its place among the open ones, and the sums of its four scopes, each under the
condition that its cap leaves the amount. The hold itself is what tells a request that is sent again from a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import uuid4

from srl_pipeline.canonical import dumps
from srl_pipeline.clock import now_iso
from srl_pipeline.registry.actor import actor
from srl_pipeline.registry.caps import check_amount, check_caps, expiry, month_scope, scopes_of, unknown_hold
from srl_pipeline.registry.dynamo.table import Refused, Table, until_settled
from srl_pipeline.registry.dynamo.writes import NEW, Item, Value, Write
from srl_pipeline.registry.ledger import Account, Balance, Caps, Charge, Hold, Nanos, summed

_OPEN = "LEDGER#OPEN"
"""Partition of the open holds, by expiry."""


class DynamoLedger:
    """Implements `Ledger`. ``now`` gives the time as `clock.now_iso` does."""

    def __init__(self, table: Table, *, now: Callable[[], str] = now_iso) -> None:
        self._table = table
        self._now = now

    def hold(self, call: str, account: Account, amount: Nanos, caps: Caps, *, seconds: float) -> Hold:
        """Set ``amount`` aside; raises BudgetError when a cap would be exceeded. An amount of 0 needs no cap."""
        check_amount(amount)
        now = self._now()
        self._close_expired(now)
        hold = Hold(
            id=uuid4().hex,
            call=call,
            account=account,
            amount=amount,
            month=now[:7],
            expires_at=expiry(now, seconds),
            at=now,
            actor=actor(),
        )
        writes = [*_opened(hold), *(_added(scope, 0, amount, room) for scope, room in _rooms(hold, caps).items())]

        def attempt() -> Hold:
            try:
                self._table.write(writes)
            except Refused as refused:
                if 0 in refused.failed:
                    return hold  # an earlier try was carried out, and its answer lost
                scopes = list(scopes_of(hold).values())
                check_caps(hold, caps, dict(zip(scopes, self._balances(scopes), strict=True)))
                raise  # something was given back meanwhile: there is room now
            return hold

        return until_settled(attempt, self._table)

    def commit(self, hold: Hold, amount: Nanos) -> None:
        """The call cost ``amount``. A hold that is closed already, also by expiry, stays as it is."""
        check_amount(amount)
        self._close(hold, "committed", amount)

    def release(self, hold: Hold) -> None:
        """The call cost nothing."""
        self._close(hold, "released", 0)

    def open_holds(self, run: str) -> list[Hold]:
        """Holds of a run that are neither closed nor expired, oldest expiry first. Reads all that are open."""
        self._close_expired(self._now())
        return _holds(self._table.query(_OPEN, having={"run": run}))

    def spent_by_run(self, run: str) -> Balance:
        """All that a run has cost, over all its attempts."""
        return self._balance(f"run:{run}")

    def spent_in_month(self, month: str, *, model_type: str | None = None, vendor: str | None = None) -> Balance:
        """All that a month (YYYY-MM) has cost, in all or for one model type or one vendor."""
        return self._balance(month_scope(month, model_type, vendor))

    def statement(self, month: str) -> dict[str, Balance]:
        """All that a month (YYYY-MM) has cost, by scope."""
        self._close_expired(self._now())
        found: dict[str, Balance] = {}
        for name, scope in (("all", "month"), ("type", "model_type"), ("vendor", "vendor")):
            for item in self._table.query(f"LEDGER#{scope}:{month}"):
                label = name if scope == "month" else f"{name} {str(item['sk']).removeprefix('#')}"
                found[label] = _sums(item)
        return found

    def charges(self) -> list[Charge]:
        """Everything that was ever spent or set aside. Reads the whole table: its account needs `dynamodb:Scan`."""
        self._close_expired(self._now())
        found = self._table.scan("LEDGER#HOLD#")
        return summed(
            (hold, str(item["state"]), int(item.get("charged", 0)))
            for item, hold in zip(found, _holds(found), strict=True)
        )

    def close(self) -> None:
        """Give the connections back. Nothing may be under way."""
        self._table.close()

    def _balance(self, scope: str) -> Balance:
        self._close_expired(self._now())
        return self._balances([scope])[0]

    def _balances(self, scopes: Sequence[str]) -> list[Balance]:
        return [_sums(item) for item in self._table.get_together([_key(scope) for scope in scopes])]

    def _close_expired(self, now: str) -> None:
        for hold in _holds(self._table.query(_OPEN, between=("0", now))):
            if hold.expires_at < now:
                self._close(hold, "expired", hold.amount)

    def _close(self, hold: Hold, state: str, charged: Nanos) -> None:
        writes = [
            Write(
                "Update",
                {**_hold_key(hold)},
                "SET #state = :closed, #charged = :charged",
                "#state = :open",
                {"closed": state, "charged": charged, "open": "open"},
            ),
            Write("Delete", _open_key(hold)),
            *(_added(scope, charged, -hold.amount) for scope in scopes_of(hold).values()),
        ]
        try:
            self._table.write(writes)
        except Refused as refused:
            key = _hold_key(hold)
            if self._table.get(str(key["pk"]), str(key["sk"])) is None:
                mend = "Was SRL_STATE changed while a run was under way? Set it back and run again."
                raise unknown_hold(hold, mend) from refused


def _rooms(hold: Hold, caps: Caps) -> dict[str, Nanos | None]:
    """Scope -> what may be spent and set aside in it before ``hold``; None for as much as one likes."""
    limits = {name: getattr(caps, name) for name in scopes_of(hold)}
    return {
        scope: None if limits[name] is None or not hold.amount else limits[name] - hold.amount
        for name, scope in scopes_of(hold).items()
    }


def _opened(hold: Hold) -> list[Write]:
    record = dumps(hold.model_dump(mode="json"))
    return [
        Write("Put", {**_hold_key(hold), "state": "open", "record": record}, only_if=NEW),
        Write("Put", {**_open_key(hold), "run": hold.account.run, "record": record}),
    ]


def _added(scope: str, committed: Nanos, held: Nanos, room: Nanos | None = None) -> Write:
    """Sums of a scope moved on. ``used`` is both together: a condition cannot add."""
    pk, sk = _key(scope)
    values: dict[str, Value] = {"committed": committed, "held": held, "used": committed + held}
    change = "ADD #committed :committed, #held :held, #used :used"
    if room is None:
        return Write("Update", {"pk": pk, "sk": sk}, change, values=values)
    only_if = "attribute_not_exists(#used) OR #used <= :room" if room >= 0 else "#used <= :room"
    return Write("Update", {"pk": pk, "sk": sk}, change, only_if, {**values, "room": room})


def _key(scope: str) -> tuple[str, str]:
    """The sums of a month's types stand together, and those of its vendors: a statement lists them."""
    kind, _, rest = scope.partition(":")
    if kind in ("model_type", "vendor"):
        month, _, name = rest.partition(":")
        return f"LEDGER#{kind}:{month}", f"#{name}"
    return f"LEDGER#{scope}", "#"


def _hold_key(hold: Hold) -> Item:
    return {"pk": f"LEDGER#HOLD#{hold.id}", "sk": "#"}


def _open_key(hold: Hold) -> Item:
    return {"pk": _OPEN, "sk": f"{hold.expires_at}#{hold.id}"}


def _holds(items: Iterable[Item]) -> list[Hold]:
    return [Hold.model_validate_json(str(item["record"])) for item in items]


def _sums(item: Item | None) -> Balance:
    return Balance(committed=int(item["committed"]), held=int(item["held"])) if item else Balance()
