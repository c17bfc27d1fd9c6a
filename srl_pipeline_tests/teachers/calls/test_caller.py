"""One call: cached, claimed, held, asked, kept, committed; tried again where that helps; never paid twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from srl_pipeline.errors import BudgetError, TeacherError
from srl_pipeline.registry import Balance, Caps
from srl_pipeline.teachers.calls.caller import Caller
from srl_pipeline.teachers.calls.pricing import upper_bound
from srl_pipeline.teachers.calls.records import Backend, PermanentError, RateLimitError, Reply, TransientError, Usage
from srl_pipeline.teachers.catalog.spec import Price, TeacherEntry
from srl_pipeline_tests.teachers.calls.scripted import (
    ACCOUNT,
    CAPS,
    COST,
    PRICE,
    Desk,
    ScriptedBackend,
    call,
    entry,
    reply,
)

BOUND = upper_bound(call(), PRICE)
SOON = 0.0
"""A retry-after, so that tests need not wait."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def caller(
    desk: Desk,
    backend: Backend,
    teacher: TeacherEntry | None = None,
    *,
    caps: Caps = CAPS,
    deadline: float | None = None,
) -> Caller:
    return Caller(backend, teacher or entry(), desk.cache, desk.ledger, ACCOUNT, caps, deadline=deadline)


def lost(message: str = "time-out") -> TransientError:
    return TransientError(message, billed="unknown", retry_after=SOON)


def test_an_answer_is_paid_once_and_then_cached(desk: Desk) -> None:
    backend = ScriptedBackend()
    asker = caller(desk, backend)
    first, second = asker.ask(call()), asker.ask(call())
    assert (first.cached, first.cost) == (False, COST)
    assert (second.cached, second.cost) == (True, 0)
    assert first.reply == second.reply
    assert len(backend.asked) == 1
    assert desk.ledger.spent_by_run("r1") == Balance(committed=COST, held=0)
    figures = asker.meter.snapshot()
    assert (figures.calls, figures.cached, figures.cost) == (1, 1, COST)


def test_another_sample_is_another_call(desk: Desk) -> None:
    backend = ScriptedBackend()
    asker = caller(desk, backend)
    asker.ask(call(sample=0))
    assert not asker.ask(call(sample=1)).cached


def test_what_the_call_can_cost_is_held_while_it_is_under_way(desk: Desk) -> None:
    def look() -> Reply:
        assert desk.ledger.spent_by_run("r1") == Balance(committed=0, held=BOUND)
        return reply()

    caller(desk, ScriptedBackend(look)).ask(call())


def test_a_cap_that_would_be_exceeded_refuses_the_call_before_it_is_made(desk: Desk) -> None:
    backend = ScriptedBackend()
    with pytest.raises(BudgetError, match="is left of the monthly cap"):
        caller(desk, backend, caps=Caps(month=BOUND - 1)).ask(call())
    assert backend.asked == []


def test_without_a_budget_a_paid_teacher_is_not_asked(desk: Desk) -> None:
    with pytest.raises(BudgetError) as refused:
        caller(desk, ScriptedBackend(), caps=Caps(month=0)).ask(call())
    assert "Set budget.month_usd" in refused.value.mend


def test_a_free_teacher_needs_no_budget(desk: Desk) -> None:
    free = entry(price=Price(input=0, output=0, as_of=PRICE.as_of))
    assert caller(desk, ScriptedBackend(), free, caps=Caps(month=0)).ask(call()).cost == 0


def test_a_failure_that_is_not_billed_is_tried_again_and_costs_nothing(desk: Desk) -> None:
    backend = ScriptedBackend(
        TransientError("HTTP 500", retry_after=SOON), TransientError("HTTP 503", retry_after=SOON)
    )
    asker = caller(desk, backend)
    asker.ask(call())
    assert desk.ledger.spent_by_run("r1") == Balance(committed=COST, held=0)
    assert asker.meter.snapshot().retries == 2
    assert len(set(backend.keys)) == 1


def test_after_the_last_try_the_error_says_what_failed_and_where_without_credentials(desk: Desk) -> None:
    backend = ScriptedBackend(*[TransientError(f"HTTP 50{i}", retry_after=SOON) for i in range(3)])
    with pytest.raises(TeacherError, match="No answer after 3 tries; the last failure: HTTP 502") as failed:
        caller(desk, backend).ask(call())
    assert failed.value.where == "teacher t, model m at https://models.example/v1"
    assert desk.ledger.spent_by_run("r1") == Balance()


def test_a_permanent_failure_is_not_tried_again_and_brings_its_mend(desk: Desk) -> None:
    backend = ScriptedBackend(PermanentError("The key is not accepted.", mend="Set OPENAI_API_KEY."))
    with pytest.raises(TeacherError, match="not accepted") as failed:
        caller(desk, backend).ask(call())
    assert failed.value.mend == "Set OPENAI_API_KEY."
    assert len(backend.asked) == 1
    assert desk.ledger.spent_by_run("r1") == Balance()


def test_an_unknown_outcome_is_committed_in_full_before_the_call_is_made_again(desk: Desk) -> None:
    asker = caller(desk, ScriptedBackend(lost()))
    asker.ask(call())
    assert desk.ledger.spent_by_run("r1") == Balance(committed=BOUND + COST, held=0)
    figures = asker.meter.snapshot()
    assert (figures.lost, figures.lost_cost) == (1, BOUND)


def test_where_repeats_are_free_an_unknown_outcome_keeps_its_hold_and_its_idempotency_key(desk: Desk) -> None:
    backend = ScriptedBackend(lost(), TransientError("HTTP 500", retry_after=SOON))
    asker = caller(desk, backend, entry(idempotent=True), caps=Caps(month=BOUND))
    asker.ask(call())
    assert len(set(backend.keys)) == 1
    assert desk.ledger.spent_by_run("r1") == Balance(committed=COST, held=0)
    assert asker.meter.snapshot().lost == 0


def test_an_unknown_outcome_is_not_forgotten_when_the_next_try_is_not_billed(desk: Desk) -> None:
    script = [lost(), *[TransientError("HTTP 500", retry_after=SOON)] * 2]
    with pytest.raises(TeacherError):
        caller(desk, ScriptedBackend(*script), entry(idempotent=True)).ask(call())
    assert desk.ledger.spent_by_run("r1") == Balance(committed=0, held=BOUND)


def test_an_answer_dearer_than_its_hold_is_counted_with_what_it_cost(desk: Desk) -> None:
    dear = reply(usage=Usage(input_tokens=10_000_000, output_tokens=0))
    asker = caller(desk, ScriptedBackend(answer=dear))
    assert asker.ask(call()).cost == 10_000_000 * 1000
    assert desk.ledger.spent_by_run("r1").committed == 10_000_000 * 1000
    assert asker.meter.snapshot().overruns == 1


# Pace, breaker, deadline


def test_a_rate_limit_pauses_as_long_as_asked_and_halves_the_calls_at_once(desk: Desk) -> None:
    backend = ScriptedBackend(RateLimitError("slow down", retry_after=0.5), seconds=0.05)
    asker = caller(desk, backend, entry(concurrency=4))
    began = time.monotonic()
    asker.ask(call())
    assert time.monotonic() - began >= 0.5
    assert asker.meter.snapshot().rate_limits == 1
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda i: asker.ask(call(str(i))), range(3)))
    assert backend.most_at_once == 2


def test_a_pause_of_minutes_is_not_waited_for(desk: Desk) -> None:
    backend = ScriptedBackend(RateLimitError("quota used up", retry_after=3600))
    with pytest.raises(TeacherError, match="asks to wait 3600 seconds: quota used up"):
        caller(desk, backend).ask(call())
    assert desk.ledger.spent_by_run("r1") == Balance()


def test_an_endpoint_that_only_fails_is_left_alone(desk: Desk) -> None:
    backend = ScriptedBackend(*[TransientError("HTTP 500", retry_after=SOON)] * 100)
    asker = caller(desk, backend, entry(concurrency=1, attempts=3))
    for text in ("a", "b", "c"):
        with pytest.raises(TeacherError):
            asker.ask(call(text))
    assert len(backend.asked) == 5
    with pytest.raises(TeacherError, match="failed 5 times in a row"):
        asker.ask(call("d"))
    assert len(backend.asked) == 5
    assert desk.ledger.spent_by_run("r1") == Balance()


def test_no_call_is_begun_after_the_deadline_and_none_may_outlast_it(desk: Desk) -> None:
    backend = ScriptedBackend()
    asker = caller(desk, backend, deadline=0.3)
    asker.ask(call("in time"))
    assert backend.timeouts[0] <= 0.3
    time.sleep(0.3)
    with pytest.raises(TeacherError, match=r"The 0\.3 seconds for all calls of this generation are over"):
        asker.ask(call("late"))
    assert asker.ask(call("in time")).cached


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(desk: Desk) -> None:
    began = time.monotonic()
    with pytest.raises(TeacherError, match="are over"):
        caller(desk, ScriptedBackend(TransientError("HTTP 503", retry_after=60)), deadline=30).ask(call())
    assert time.monotonic() - began < 10


def test_closing_ends_the_waits_of_other_threads(desk: Desk) -> None:
    asker = caller(desk, ScriptedBackend(TransientError("HTTP 503", retry_after=60)))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asker.ask, call())
        time.sleep(0.2)
        asker.close()
        with pytest.raises(TeacherError, match="closed while a call was waiting"):
            waiting.result(timeout=10)


# Never twice


def test_threads_that_ask_the_same_pay_once(desk: Desk) -> None:
    backend = ScriptedBackend(seconds=0.05)
    asker = caller(desk, backend)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asker.ask(call()), range(8)))
    assert len(backend.asked) == 1
    assert sorted(a.cached for a in answers) == [False] + [True] * 7


class Crash(BaseException):
    """Ends a process as far as its code can tell."""


def crash() -> Reply:
    raise Crash


def test_a_crash_between_answer_and_commit_is_settled_at_the_next_hit(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.ledger, "commit", lambda *_: crash())
    with pytest.raises(Crash):
        caller(desk, ScriptedBackend()).ask(call())
    after = Desk(tmp_path)
    assert after.ledger.spent_by_run("r1") == Balance(committed=0, held=BOUND)
    backend = ScriptedBackend()
    assert caller(after, backend).ask(call()).cached
    assert backend.asked == []
    assert after.ledger.spent_by_run("r1") == Balance(committed=COST, held=0)


def test_a_crash_during_the_call_counts_it_in_full_and_asks_again(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Crash):
        caller(desk, ScriptedBackend(crash)).ask(call())
    after = Desk(tmp_path)
    asker = caller(after, ScriptedBackend())
    asker.ask(call())
    assert after.ledger.spent_by_run("r1") == Balance(committed=BOUND + COST, held=0)
    assert asker.meter.snapshot().lost == 1


def test_a_crash_during_the_call_is_taken_over_where_repeats_are_free(desk: Desk, tmp_path: Path) -> None:
    first, second = ScriptedBackend(crash), ScriptedBackend()
    with pytest.raises(Crash):
        caller(desk, first, entry(idempotent=True)).ask(call())
    after = Desk(tmp_path)
    caller(after, second, entry(idempotent=True), caps=Caps(month=BOUND)).ask(call())
    assert first.keys == second.keys
    assert after.ledger.spent_by_run("r1") == Balance(committed=COST, held=0)


ASKER = """
import sys, time
from pathlib import Path
from srl_pipeline.teachers.calls.caller import Caller
from srl_pipeline_tests.teachers.calls.scripted import ACCOUNT, CAPS, Desk, ScriptedBackend, call, entry, reply

bill = Path(sys.argv[1]) / "bill.txt"

def answer():
    with bill.open("a") as lines:
        lines.write("asked\\n")
    time.sleep(float(sys.argv[2]))
    return reply()

desk = Desk(Path(sys.argv[1]))
asker = Caller(ScriptedBackend(answer), entry(), desk.cache, desk.ledger, ACCOUNT, CAPS)
print("ready", flush=True)
sys.stdin.readline()
print(asker.ask(call()).cached, flush=True)
"""


def ask_in_a_process(folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASKER, str(folder), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_that_ask_the_same_at_the_same_time_pay_once(desk: Desk, tmp_path: Path) -> None:
    processes = [ask_in_a_process(tmp_path, 1.0) for _ in range(2)]
    for process in processes:
        tell(process)
    printed = sorted(process.communicate()[0] for process in processes)
    assert printed == ["False\n", "True\n"]
    assert (tmp_path / "bill.txt").read_text() == "asked\n"
    assert desk.ledger.spent_by_run("r1") == Balance(committed=COST, held=0)


def test_a_process_that_is_killed_while_asking_leaves_its_call_to_the_next(desk: Desk, tmp_path: Path) -> None:
    process = ask_in_a_process(tmp_path, 60)
    tell(process)
    while not (tmp_path / "bill.txt").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    caller(desk, ScriptedBackend()).ask(call())
    assert desk.ledger.spent_by_run("r1") == Balance(committed=BOUND + COST, held=0)
