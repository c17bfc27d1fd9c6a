"""The ledger, on every backend: caps hold for threads and processes together, sums are exact, none is too low."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from srl_pipeline.clock import now_iso
from srl_pipeline.errors import BudgetError, PipelineError
from srl_pipeline.registry import Account, Balance, Caps, Hold, Ledger, dollars, nanos
from srl_pipeline.registry.places import open_ledger
from srl_pipeline_tests.aws.state import Backend, ledger_with_clock, use

USD = 1_000_000_000
ACCOUNT = Account(run="r1", model_type="buildings", vendor="openai")


class TestClock:
    """A clock that a test turns."""

    __test__ = False

    def __init__(self, now: str = "2026-11-28T12:00:00+00:00") -> None:
        self.now = now

    def __call__(self) -> str:
        return self.now


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def ledger(home: Path, clock: TestClock) -> Iterator[Ledger]:
    kept = ledger_with_clock(home, clock)
    yield kept
    kept.close()


def hold(ledger: Ledger, amount: int, caps: Caps, account: Account = ACCOUNT, seconds: float = 60) -> Hold:
    return ledger.hold("call", account, amount, caps, seconds=seconds)


def test_a_committed_hold_counts_with_what_the_call_cost(ledger: Ledger) -> None:
    caps = Caps(month=USD)
    held = hold(ledger, 700, caps)
    assert ledger.spent_by_run("r1") == Balance(committed=0, held=700)
    ledger.commit(held, 450)
    for balance in (
        ledger.spent_by_run("r1"),
        ledger.spent_in_month("2026-11"),
        ledger.spent_in_month("2026-11", model_type="buildings"),
        ledger.spent_in_month("2026-11", vendor="openai"),
    ):
        assert balance == Balance(committed=450, held=0)


def test_what_is_left_is_spendable_to_the_last_nano(ledger: Ledger) -> None:
    caps = Caps(month=1000)
    ledger.commit(hold(ledger, 900, caps), 333)
    with pytest.raises(BudgetError):
        hold(ledger, 668, caps)
    ledger.commit(hold(ledger, 667, caps), 667)
    assert ledger.spent_in_month("2026-11").committed == 1000


def test_closing_a_closed_hold_changes_nothing(ledger: Ledger) -> None:
    held, other = hold(ledger, 100, Caps(month=USD)), hold(ledger, 100, Caps(month=USD))
    ledger.commit(held, 60)
    ledger.commit(held, 90)
    ledger.release(held)
    ledger.release(other)
    ledger.commit(other, 100)
    assert ledger.spent_by_run("r1") == Balance(committed=60, held=0)


def test_a_call_that_cost_more_than_was_held_is_counted_with_what_it_cost(ledger: Ledger) -> None:
    ledger.commit(hold(ledger, 100, Caps(month=100)), 130)
    assert ledger.spent_in_month("2026-11").committed == 130


@pytest.mark.parametrize(
    ("caps", "setting", "name"),
    [
        (Caps(month=100), "budget.month_usd", "the monthly cap (2026-11)"),
        (Caps(month=USD, model_type_month=100), "budget.model_type_month_usd", "model type 'buildings'"),
        (Caps(month=USD, vendor_month=100), "budget.vendor_month_usd['openai']", "vendor 'openai'"),
        (Caps(month=USD, run=100), "budget.run_usd", "run r1"),
    ],
)
def test_each_cap_holds_alone_and_its_error_says_which_and_what_is_left(
    ledger: Ledger, caps: Caps, setting: str, name: str
) -> None:
    ledger.commit(hold(ledger, 30, caps), 30)
    hold(ledger, 20, caps)
    with pytest.raises(BudgetError) as refused:
        hold(ledger, 51, caps)
    assert name in refused.value.what
    assert "$0.00000005 is left" in refused.value.what
    assert "$0.00000003 is spent, $0.00000002 is set aside" in refused.value.what
    assert f"Raise {setting}" in refused.value.mend
    assert ledger.spent_by_run("r1") == Balance(committed=30, held=20)


def test_caps_of_others_are_not_touched(ledger: Ledger) -> None:
    caps = Caps(month=USD, model_type_month=100, vendor_month=100, run=100)
    hold(ledger, 100, caps)
    hold(ledger, 100, caps, Account(run="r2", model_type="trees", vendor="gemini"))
    assert ledger.spent_in_month("2026-11").held == 200


def test_without_a_monthly_cap_nothing_is_paid_and_the_error_says_what_to_set(ledger: Ledger) -> None:
    with pytest.raises(BudgetError) as refused:
        hold(ledger, 1, Caps(month=0))
    assert refused.value.mend == "Set budget.month_usd: nothing is paid without it."


def test_a_free_call_needs_no_cap(ledger: Ledger) -> None:
    held = hold(ledger, 0, Caps(month=0, run=0))
    assert ledger.open_holds("r1") == [held]
    ledger.commit(held, 0)
    assert ledger.open_holds("r1") == []


def test_a_new_month_has_its_cap_to_itself_and_a_hold_stays_in_its_own(ledger: Ledger, clock: TestClock) -> None:
    held = hold(ledger, 100, Caps(month=100), seconds=7 * 86400)
    clock.now = "2026-12-01T00:00:00+00:00"
    hold(ledger, 100, Caps(month=100))
    ledger.commit(held, 80)
    assert ledger.spent_in_month("2026-11") == Balance(committed=80, held=0)
    assert ledger.spent_in_month("2026-12") == Balance(committed=0, held=100)


def test_an_expired_hold_is_committed_in_full_and_a_late_commit_changes_nothing(
    ledger: Ledger, clock: TestClock
) -> None:
    held = hold(ledger, 100, Caps(month=USD), seconds=60)
    clock.now = "2026-11-28T12:01:00+00:00"
    assert ledger.open_holds("r1") == [held]
    clock.now = "2026-11-28T12:01:01+00:00"
    assert ledger.open_holds("r1") == []
    ledger.commit(held, 10)
    assert ledger.spent_by_run("r1") == Balance(committed=100, held=0)


def test_a_month_is_asked_for_a_model_type_or_a_vendor_but_not_both(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="not for both"):
        ledger.spent_in_month("2026-11", model_type="buildings", vendor="openai")


@pytest.mark.parametrize("amount", [-1, 2**60 + 1])
def test_an_impossible_amount_is_refused(ledger: Ledger, amount: int) -> None:
    with pytest.raises(ValueError, match="no amount"):
        hold(ledger, amount, Caps(month=10**30))


def test_a_hold_that_the_ledger_never_gave_is_an_error(ledger: Ledger) -> None:
    stranger = hold(ledger, 5, Caps(month=10)).model_copy(update={"id": "another"})
    with pytest.raises(PipelineError, match="knows no hold"):
        ledger.commit(stranger, 5)


def test_holds_and_sums_outlive_the_process(home: Path, clock: TestClock) -> None:
    first = ledger_with_clock(home, clock)
    first.commit(hold(first, 10, Caps(month=100)), 7)
    held = hold(first, 20, Caps(month=100))
    first.close()
    second = ledger_with_clock(home, clock)
    assert second.open_holds("r1") == [held]
    assert second.spent_by_run("r1") == Balance(committed=7, held=20)


def test_dollars_become_nanos_rounded_up() -> None:
    assert nanos(0.1) == 100_000_000
    assert nanos(1e-10) == 1
    assert dollars(nanos(12.34)) == 12.34


# Threads and processes at once

SPENDER = r"""
import sys, threading
from pathlib import Path
from random import Random
from srl_pipeline.clock import now_iso
from srl_pipeline.errors import BudgetError
from srl_pipeline.registry import Account, Caps
from srl_pipeline.registry.places import open_ledger

home, process, threads, cap = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
ledger = open_ledger(home)
caps = Caps(month=10**12, model_type_month=10**12, vendor_month=cap, run=10**12)

def spend(number):
    random = Random(number)
    account = Account(run=f"r{number}", model_type=f"t{number % 3}", vendor="v")
    for _ in range(6):
        amount = random.randint(1, 100)
        try:
            hold = ledger.hold("c", account, amount, caps, seconds=600)
        except BudgetError:
            sys.stdout.write(f"refused {amount}\n")
            continue
        if random.random() < 0.2:
            ledger.release(hold)
        else:
            cost = random.randint(0, amount)
            ledger.commit(hold, cost)
            sys.stdout.write(f"spent {cost}\n")

workers = [threading.Thread(target=spend, args=(process * threads + i,)) for i in range(threads)]
for w in workers: w.start()
for w in workers: w.join()
"""


@pytest.mark.parametrize(
    ("backend", "processes", "threads", "cap"),
    [("sqlite", 4, 16, 4_000), pytest.param("dynamodb", 10, 1, 700, marks=pytest.mark.slow)],
)
def test_spenders_in_processes_never_exceed_a_cap_and_leave_the_rest_spendable(
    backend: Backend, processes: int, threads: int, cap: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(backend, monkeypatch)
    ledger = open_ledger(tmp_path)
    spenders = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(tmp_path), str(i), str(threads), str(cap)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(processes)
    ]
    seen, watching, month = list[int](), threading.Event(), now_iso()[:7]

    def total() -> Balance:
        return ledger.spent_in_month(month, vendor="v")

    def watch() -> None:
        while not watching.wait(0.001 if backend == "sqlite" else 0.1):
            balance = total()
            seen.append(balance.committed + balance.held)

    thread = threading.Thread(target=watch)
    thread.start()
    printed = "".join(spender.communicate()[0] for spender in spenders)
    watching.set()
    thread.join()
    assert [spender.returncode for spender in spenders] == [0] * processes
    lines = [line.split() for line in printed.splitlines()]
    spent = sum(int(n) for word, n in lines if word == "spent")
    assert any(word == "refused" for word, _ in lines), "the cap was never reached: nothing was tested"
    assert max(seen) <= cap
    assert total() == Balance(committed=spent, held=0)
    account = Account(run="last", model_type="t", vendor="v")
    caps = Caps(month=10**12, vendor_month=cap)
    ledger.hold("c", account, cap - spent, caps, seconds=60)
    with pytest.raises(BudgetError):
        ledger.hold("c", account, 1, caps, seconds=60)
    ledger.close()


VICTIM = """
import sys, time
from pathlib import Path
from srl_pipeline.registry import Account, Caps
from srl_pipeline.registry.places import open_ledger

ledger = open_ledger(Path(sys.argv[1]))
ledger.hold("c", Account(run="r", model_type="t", vendor="v"), 70, Caps(month=100), seconds=3600)
print("held", flush=True)
time.sleep(60)
"""


def test_a_hold_of_a_killed_process_stays_until_it_expires_and_is_then_committed(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", VICTIM, str(home)], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None and victim.stdout.readline() == "held\n"
        os.kill(victim.pid, signal.SIGKILL)
    now = ledger_with_clock(home)
    assert now.spent_by_run("r") == Balance(committed=0, held=70)
    with pytest.raises(BudgetError):
        now.hold("c", ACCOUNT, 31, Caps(month=100), seconds=60)
    late = ledger_with_clock(home, TestClock("2099-01-01T00:00:00+00:00"))
    assert late.spent_by_run("r") == Balance(committed=70, held=0)


def test_one_refusal_does_not_undo_what_other_threads_write_with_it(ledger: Ledger) -> None:
    caps = Caps(month=10)

    def attempt(_: int) -> bool:
        try:
            hold(ledger, 1, caps)
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(attempt, range(20))) == 10
    assert ledger.spent_by_run("r1").held == 10


def test_charges_say_who_spent_when_and_how_much(
    ledger: Ledger, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    caps = Caps(month=USD)
    monkeypatch.setenv("SRL_ACTOR", "ann")
    ledger.commit(hold(ledger, 700, caps), 450)
    clock.now = "2026-11-28T12:00:05+00:00"
    ledger.release(hold(ledger, 100, caps))
    hold(ledger, 30, caps)
    monkeypatch.setenv("SRL_ACTOR", "bob")
    ledger.commit(hold(ledger, 50, caps), 50)
    ann, bob = ledger.charges()
    assert (ann.actor, ann.account, ann.month, ann.calls, ann.committed, ann.held) == (
        "ann",
        ACCOUNT,
        "2026-11",
        3,
        450,
        30,
    )
    assert (ann.first_at, ann.last_at) == ("2026-11-28T12:00:00+00:00", "2026-11-28T12:00:05+00:00")
    assert (bob.actor, bob.calls, bob.committed, bob.held) == ("bob", 1, 50, 0)


def test_a_ledger_without_calls_has_no_charges(ledger: Ledger) -> None:
    assert ledger.charges() == []
