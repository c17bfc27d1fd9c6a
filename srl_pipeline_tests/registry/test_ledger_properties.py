"""Several processes on one ledger, caps of every kind, months that end, crashes: no cap is ever exceeded by a hold."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from srl_pipeline.errors import BudgetError, PipelineError
from srl_pipeline.registry import LEDGER, Account, Balance, Caps, Hold, Ledger, SqliteLedger
from srl_pipeline_tests.aws.state import dynamo_state, ledger_with_clock
from srl_pipeline_tests.profiles import examples

RUNS, TYPES, VENDORS = ("r1", "r2"), ("t1", "t2"), ("v1", "v2")
ACCOUNTS = st.builds(
    Account, run=st.sampled_from(RUNS), model_type=st.sampled_from(TYPES), vendor=st.sampled_from(VENDORS)
)
CAP = st.none() | st.integers(0, 900)
CAPS = st.builds(Caps, month=st.integers(0, 1200), model_type_month=CAP, vendor_month=CAP, run=CAP)
PROCESSES = 3
START = "2026-11-29T12:00:00+00:00"


class SharedLedgerMachine(RuleBasedStateMachine):
    """Notes what every hold came to, and adds all of them up whenever a sum is wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.fromisoformat(START)
        self.folder = tempfile.TemporaryDirectory()
        self.caps = Caps(month=0)
        self.holds: list[Hold] = []
        self.open: dict[str, Hold] = {}
        self.charged: dict[str, int] = {}
        self.processes = [self.opened() for _ in range(PROCESSES)]
        self.left: list[Ledger] = []
        """Of processes that were killed: they never close."""

    def opened(self) -> Ledger:
        return SqliteLedger(Path(self.folder.name) / LEDGER, now=lambda: self.now.isoformat())

    @initialize(caps=CAPS)
    def begin(self, caps: Caps) -> None:
        self.caps = caps

    who = st.integers(0, PROCESSES - 1)

    def expire(self) -> None:
        for hold in [h for h in self.open.values() if h.expires_at < self.now.isoformat()]:
            self.charged[hold.id] = self.open.pop(hold.id).amount

    def sums(self, **wanted: str) -> Balance:
        def counts(hold: Hold) -> bool:
            facts = {**hold.account.model_dump(), "month": hold.month}
            return all(facts[name] == value for name, value in wanted.items())

        mine = [h for h in self.holds if counts(h)]
        return Balance(
            committed=sum(self.charged.get(h.id, 0) for h in mine),
            held=sum(h.amount for h in mine if h.id in self.open),
        )

    def scopes(self, account: Account) -> dict[str, Balance]:
        month = self.now.isoformat()[:7]
        return {
            "month": self.sums(month=month),
            "model_type_month": self.sums(month=month, model_type=account.model_type),
            "vendor_month": self.sums(month=month, vendor=account.vendor),
            "run": self.sums(run=account.run),
        }

    @rule(who=who, account=ACCOUNTS, amount=st.integers(0, 500), seconds=st.sampled_from([1, 600, 90_000]))
    def hold(self, who: int, account: Account, amount: int, seconds: int) -> None:
        self.expire()
        caps = self.caps.model_dump()
        fits = all(
            caps[name] is None or balance.committed + balance.held + amount <= caps[name]
            for name, balance in self.scopes(account).items()
        )
        try:
            hold = self.processes[who].hold(f"call {len(self.holds)}", account, amount, self.caps, seconds=seconds)
        except BudgetError as error:
            assert not fits and amount > 0 and error.mend
            return
        assert fits or amount == 0
        self.holds.append(hold)
        self.open[hold.id] = hold

    @rule(who=who, data=st.data(), share=st.sampled_from([0.0, 0.3, 1.0, 1.5]))
    def commit(self, who: int, data: st.DataObject, share: float) -> None:
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds))
            self.expire()
            self.processes[who].spent_by_run("r1")  # any look closes what has expired
            self.processes[who].commit(hold, int(hold.amount * share))
            if self.open.pop(hold.id, None):
                self.charged[hold.id] = int(hold.amount * share)

    @rule(who=who, data=st.data())
    def release(self, who: int, data: st.DataObject) -> None:
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds))
            self.expire()
            self.processes[who].spent_by_run("r1")
            self.processes[who].release(hold)
            self.open.pop(hold.id, None)

    @rule(who=who)
    def a_hold_that_nobody_gave_is_refused(self, who: int) -> None:
        account = Account(run="r1", model_type="t1", vendor="v1")
        never = Hold(id="never", call="c", account=account, amount=1, month="2026-11", expires_at="2027-01-01")
        for settle in (lambda: self.processes[who].commit(never, 1), lambda: self.processes[who].release(never)):
            with pytest.raises(PipelineError):
                settle()

    @rule(seconds=st.sampled_from([1, 601, 90_001, 40 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(who=who, killed=st.booleans())
    def restart(self, who: int, killed: bool) -> None:
        if killed:
            self.left.append(self.processes[who])
        else:
            self.processes[who].close()
        self.processes[who] = self.opened()

    @rule(caps=CAPS)
    def other_caps(self, caps: Caps) -> None:
        self.caps = caps

    @invariant()
    def every_process_sees_the_same_sums(self) -> None:
        self.expire()
        ledger = self.processes[len(self.holds) % PROCESSES]
        for run in RUNS:
            assert ledger.spent_by_run(run) == self.sums(run=run)
            assert {h.id for h in ledger.open_holds(run)} == {h.id for h in self.open.values() if h.account.run == run}
        for month in {h.month for h in self.holds}:
            wanted = {"all": self.sums(month=month)}
            wanted |= {f"type {name}": self.sums(month=month, model_type=name) for name in TYPES}
            wanted |= {f"vendor {name}": self.sums(month=month, vendor=name) for name in VENDORS}
            told = ledger.statement(month)
            assert {name: told.get(name, Balance()) for name in wanted} == wanted
            assert ledger.spent_in_month(month) == wanted["all"]

    def teardown(self) -> None:
        for ledger in [*self.processes, *self.left]:
            ledger.close()
        self.folder.cleanup()


SharedLedgerMachine.TestCase.settings = examples(10, stateful_step_count=15)
TestSharedLedger = SharedLedgerMachine.TestCase


class SharedDynamoLedgerMachine(SharedLedgerMachine):
    """The same, with the ledger in a DynamoDB table."""

    def opened(self) -> Ledger:
        if not hasattr(self, "patch"):
            self.patch = pytest.MonkeyPatch()
            dynamo_state(self.patch)
        return ledger_with_clock(Path(self.folder.name), lambda: self.now.isoformat())

    def teardown(self) -> None:
        super().teardown()
        self.patch.undo()


SharedDynamoLedgerMachine.TestCase.settings = examples(2, stateful_step_count=12)


@pytest.mark.slow
class TestSharedDynamoLedger(SharedDynamoLedgerMachine.TestCase):
    """Its settings are those above."""
