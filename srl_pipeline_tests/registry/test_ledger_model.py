"""The ledger does what a naive one does, on every backend, whatever is asked of it in whatever order."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from srl_pipeline.errors import BudgetError
from srl_pipeline.registry import LEDGER, Account, Balance, Caps, Hold, Ledger, SqliteLedger
from srl_pipeline_tests.aws.state import dynamo_state, ledger_with_clock

RUNS, TYPES, VENDORS = ("r1", "r2"), ("t1", "t2"), ("v1", "v2")
CAPS = Caps(month=1000, model_type_month=700, vendor_month=600, run=500)
ACCOUNTS = st.builds(
    Account, run=st.sampled_from(RUNS), model_type=st.sampled_from(TYPES), vendor=st.sampled_from(VENDORS)
)


class LedgerMachine(RuleBasedStateMachine):
    """Keeps every hold in a list and adds them up anew each time."""

    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.fromisoformat("2026-11-29T00:00:00+00:00")
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = self.opened()
        self.open: dict[str, Hold] = {}
        self.charged: list[tuple[Hold, int]] = []

    def opened(self) -> Ledger:
        return SqliteLedger(Path(self.folder.name) / LEDGER, now=lambda: self.now.isoformat())

    def expire(self) -> None:
        for hold in [h for h in self.open.values() if h.expires_at < self.now.isoformat()]:
            self.charged.append((self.open.pop(hold.id), hold.amount))

    def balance(self, wanted: dict[str, str]) -> Balance:
        def counts(hold: Hold) -> bool:
            facts = {**hold.account.model_dump(), "month": hold.month}
            return all(facts[name] == value for name, value in wanted.items())

        return Balance(
            committed=sum(amount for hold, amount in self.charged if counts(hold)),
            held=sum(hold.amount for hold in self.open.values() if counts(hold)),
        )

    def fits(self, account: Account, amount: int) -> bool:
        month = self.now.isoformat()[:7]
        scopes = [
            (CAPS.month, {"month": month}),
            (CAPS.model_type_month, {"month": month, "model_type": account.model_type}),
            (CAPS.vendor_month, {"month": month, "vendor": account.vendor}),
            (CAPS.run, {"run": account.run}),
        ]
        balances = [(cap, self.balance(wanted)) for cap, wanted in scopes]
        return amount == 0 or all(cap is None or b.committed + b.held + amount <= cap for cap, b in balances)

    @rule(target=holds, account=ACCOUNTS, amount=st.integers(0, 400), seconds=st.integers(1, 200_000))
    def hold(self, account: Account, amount: int, seconds: int) -> object:
        self.expire()
        if not self.fits(account, amount):
            try:
                self.ledger.hold("c", account, amount, CAPS, seconds=seconds)
            except BudgetError:
                return multiple()
            raise AssertionError("a hold that exceeds a cap was given")
        hold = self.ledger.hold("c", account, amount, CAPS, seconds=seconds)
        self.open[hold.id] = hold
        return hold

    @rule(hold=holds, share=st.floats(0, 1))
    def commit(self, hold: Hold, share: float) -> None:
        self.expire()
        self.ledger.spent_by_run("r1")  # any look at the ledger closes what has expired
        amount = int(hold.amount * share)
        self.ledger.commit(hold, amount)
        if hold.id in self.open:
            self.charged.append((self.open.pop(hold.id), amount))

    @rule(hold=consumes(holds))
    def release(self, hold: Hold) -> None:
        self.expire()
        self.ledger.spent_by_run("r1")
        self.ledger.release(hold)
        self.open.pop(hold.id, None)

    @rule(seconds=st.integers(0, 100_000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = self.opened()

    @invariant()
    def agrees(self) -> None:
        self.expire()
        months = {self.now.isoformat()[:7], "2026-11"}
        for run in RUNS:
            assert self.ledger.spent_by_run(run) == self.balance({"run": run})
            own = {h.id for h in self.open.values() if h.account.run == run}
            assert {h.id for h in self.ledger.open_holds(run)} == own
        for month in months:
            assert self.ledger.spent_in_month(month) == self.balance({"month": month})
            for name in TYPES:
                found = self.ledger.spent_in_month(month, model_type=name)
                assert found == self.balance({"month": month, "model_type": name})
            for name in VENDORS:
                found = self.ledger.spent_in_month(month, vendor=name)
                assert found == self.balance({"month": month, "vendor": name})

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLedgerAgainstANaiveOne = LedgerMachine.TestCase


class DynamoLedgerMachine(LedgerMachine):
    """The same, with the ledger in a DynamoDB table."""

    def opened(self) -> Ledger:
        if not hasattr(self, "patch"):
            self.patch = pytest.MonkeyPatch()
            dynamo_state(self.patch)
        return ledger_with_clock(Path(self.folder.name), lambda: self.now.isoformat())

    def teardown(self) -> None:
        super().teardown()
        self.patch.undo()


DynamoLedgerMachine.TestCase.settings = settings(
    max_examples=4, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.slow
class TestDynamoLedgerAgainstANaiveOne(DynamoLedgerMachine.TestCase):
    """Its settings are those above."""
