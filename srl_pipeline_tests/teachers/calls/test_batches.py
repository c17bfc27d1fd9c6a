"""Calls in batches: collected, handed in once, settled once, whatever a crash cuts off."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.errors import BudgetError, PipelineError, TeacherError
from srl_pipeline.registry import Balance, Caps, Ledger
from srl_pipeline.teachers.calls import batches
from srl_pipeline.teachers.calls.batch_state import BatchState
from srl_pipeline.teachers.calls.batches import BatchCaller
from srl_pipeline.teachers.calls.caller import Answered
from srl_pipeline.teachers.calls.pricing import upper_bound
from srl_pipeline.teachers.calls.records import (
    BatchBackend,
    CallError,
    ModelCall,
    PermanentError,
    Reply,
    TransientError,
)
from srl_pipeline_tests.teachers.calls.scripted import ACCOUNT, CAPS, COST, PRICE, Desk, call, entry, reply

HALF = COST // 2
BOUND = upper_bound(call("a"), PRICE, batch=True)


class Vendor:
    """Test-only: the vendor's side. It outlives the processes that use it; ``outcomes`` are told once each."""

    def __init__(self) -> None:
        self.batches: dict[str, tuple[str, list[ModelCall]]] = {}
        self.outcomes: dict[str, list[CallError]] = {}
        self.looks_before_done = 1
        self.looks: Counter[str] = Counter()

    @property
    def billed(self) -> Counter[str]:
        """Text of each call -> times that it was handed in."""
        return Counter(c.messages[0].content for _, calls in self.batches.values() for c in calls)


class ScriptedBatchBackend:
    """Test-only: one process's way to the vendor."""

    vendor = "openai"

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    def submit(self, calls: list[ModelCall], *, tag: str) -> str:
        batch_id = f"batch-{len(self._vendor.batches)}"
        self._vendor.batches[batch_id] = (tag, calls)
        return batch_id

    def find(self, tag: str) -> str | None:
        return next((key for key, (own, _) in self._vendor.batches.items() if own == tag), None)

    def collect(self, batch_id: str) -> dict[str, Reply | CallError] | None:
        self._vendor.looks[batch_id] += 1
        if self._vendor.looks[batch_id] <= self._vendor.looks_before_done:
            return None
        found: dict[str, Reply | CallError] = {}
        for c in self._vendor.batches[batch_id][1]:
            text = c.messages[0].content
            errors = self._vendor.outcomes.get(text)
            found[c.key] = errors.pop(0) if errors else reply(f"answer to {text}")
        return found

    def close(self) -> None:
        pass


def open_caller(
    desk: Desk,
    backend: BatchBackend,
    *,
    ledger: Ledger | None = None,
    cache: Any = None,
    caps: Caps = CAPS,
    attempts: int = 3,
    deadline: float | None = None,
) -> BatchCaller:
    return BatchCaller(
        backend,
        entry(attempts=attempts),
        cache or desk.cache,
        ledger or desk.ledger,
        ACCOUNT,
        caps,
        state=desk.folder / "batches.sqlite",
        deadline=deadline,
        poll_seconds=0.02,
        quiet_seconds=0.1,
    )


def ask_all(asker: BatchCaller, texts: str) -> list[Answered | PipelineError]:
    """Each letter asked on a thread of its own."""

    def ask(text: str) -> Answered | PipelineError:
        try:
            return asker.ask(call(text))
        except PipelineError as error:
            return error

    with ThreadPoolExecutor(len(texts)) as pool:
        return list(pool.map(ask, texts))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def answers(found: list[Answered | PipelineError]) -> list[str]:
    assert all(isinstance(a, Answered) for a in found), found
    return [a.reply.text for a in found if isinstance(a, Answered)]


def test_what_is_waiting_is_handed_in_together_at_the_price_of_a_batch(desk: Desk, vendor: Vendor) -> None:
    asker = open_caller(desk, ScriptedBatchBackend(vendor))
    found = ask_all(asker, "abcd")
    asker.close()
    assert answers(found) == [f"answer to {t}" for t in "abcd"]
    assert len(vendor.batches) == 1
    assert {a.cost for a in found if isinstance(a, Answered)} == {HALF}
    assert desk.ledger.spent_by_run("r1") == Balance(committed=4 * HALF, held=0)
    assert asker.meter.snapshot().calls == 4


def test_a_size_bound_is_kept(desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SIZE", 3)
    asker = open_caller(desk, ScriptedBatchBackend(vendor))
    ask_all(asker, "abcdefg")
    asker.close()
    assert max(len(calls) for _, calls in vendor.batches.values()) <= 3
    assert sum(vendor.billed.values()) == 7


def test_a_known_answer_waits_for_no_batch(desk: Desk, vendor: Vendor) -> None:
    desk.cache.put(call("a").key, reply("known"), 1)
    asker = open_caller(desk, ScriptedBatchBackend(vendor))
    assert asker.ask(call("a")).cached
    asker.close()
    assert vendor.batches == {}


def test_a_call_that_failed_in_its_batch_goes_into_the_next_one(desk: Desk, vendor: Vendor) -> None:
    vendor.outcomes["b"] = [TransientError("overloaded")]
    asker = open_caller(desk, ScriptedBatchBackend(vendor))
    assert answers(ask_all(asker, "ab")) == ["answer to a", "answer to b"]
    asker.close()
    assert vendor.billed == {"a": 1, "b": 2}
    assert desk.ledger.spent_by_run("r1") == Balance(committed=2 * HALF, held=0)
    assert asker.meter.snapshot().retries == 1


def test_a_call_that_fails_in_every_batch_is_given_up_and_others_are_not(desk: Desk, vendor: Vendor) -> None:
    vendor.outcomes["b"] = [TransientError("overloaded")] * 3
    vendor.outcomes["c"] = [PermanentError("too long", mend="Shorten it.")]
    asker = open_caller(desk, ScriptedBatchBackend(vendor))
    good, tried, refused = ask_all(asker, "abc")
    asker.close()
    assert isinstance(good, Answered)
    assert isinstance(tried, TeacherError) and "after 3 tries; the last failure: overloaded" in tried.what
    assert isinstance(refused, TeacherError) and refused.mend == "Shorten it."
    assert vendor.billed["c"] == 1
    assert desk.ledger.spent_by_run("r1") == Balance(committed=HALF, held=0)


def test_a_call_that_is_missing_from_its_batch_counts_in_full(desk: Desk, vendor: Vendor) -> None:
    class Forgetful(ScriptedBatchBackend):
        def collect(self, batch_id: str) -> dict[str, Reply | CallError] | None:
            return {} if super().collect(batch_id) is not None else None

    asker = open_caller(desk, Forgetful(vendor), attempts=1)
    (failed,) = ask_all(asker, "a")
    asker.close()
    assert isinstance(failed, TeacherError) and "came back without this call" in failed.what
    assert desk.ledger.spent_by_run("r1") == Balance(committed=BOUND, held=0)


def test_what_the_caps_do_not_allow_is_refused_and_the_rest_is_asked(desk: Desk, vendor: Vendor) -> None:
    asker = open_caller(desk, ScriptedBatchBackend(vendor), caps=Caps(month=2 * BOUND))
    found = ask_all(asker, "abc")
    asker.close()
    assert sum(isinstance(a, Answered) for a in found) == 2
    assert sum(isinstance(a, BudgetError) for a in found) == 1
    assert desk.ledger.spent_by_run("r1") == Balance(committed=2 * HALF, held=0)


def test_an_endpoint_that_stays_down_fails_all_who_wait_and_all_who_come(desk: Desk, vendor: Vendor) -> None:
    class Down(ScriptedBatchBackend):
        def collect(self, batch_id: str) -> dict[str, Reply | CallError] | None:
            raise TransientError("HTTP 503", retry_after=0.0)

    asker = open_caller(desk, Down(vendor))
    found = ask_all(asker, "ab")
    assert all(isinstance(a, TeacherError) and "HTTP 503" in a.what for a in found)
    with pytest.raises(TeacherError, match="HTTP 503"):
        asker.ask(call("c"))
    asker.close()
    later = open_caller(desk, ScriptedBatchBackend(vendor))
    assert answers(ask_all(later, "ab")) == ["answer to a", "answer to b"]
    later.close()
    assert vendor.billed == {"a": 1, "b": 1}


def test_a_batch_that_is_refused_costs_nothing(desk: Desk, vendor: Vendor) -> None:
    class Refusing(ScriptedBatchBackend):
        def submit(self, calls: list[ModelCall], *, tag: str) -> str:
            raise PermanentError("unknown model", mend="Name another.")

    asker = open_caller(desk, Refusing(vendor))
    (failed,) = ask_all(asker, "a")
    asker.close()
    assert isinstance(failed, TeacherError) and failed.mend == "Name another."
    assert desk.ledger.spent_by_run("r1") == Balance()


def test_a_batch_that_came_through_although_its_answer_was_lost_is_not_handed_in_again(
    desk: Desk, vendor: Vendor
) -> None:
    class Losing(ScriptedBatchBackend):
        def submit(self, calls: list[ModelCall], *, tag: str) -> str:
            super().submit(calls, tag=tag)
            raise TransientError("time-out", billed="unknown", retry_after=0.0)

    asker = open_caller(desk, Losing(vendor))
    assert answers(ask_all(asker, "ab")) == ["answer to a", "answer to b"]
    asker.close()
    assert vendor.billed == {"a": 1, "b": 1}


def test_a_deadline_ends_the_wait_and_a_later_run_finds_the_batch(desk: Desk, vendor: Vendor) -> None:
    vendor.looks_before_done = 1000
    asker = open_caller(desk, ScriptedBatchBackend(vendor), deadline=0.5)
    (failed,) = ask_all(asker, "a")
    asker.close()
    assert isinstance(failed, TeacherError) and "are over" in failed.what
    vendor.looks_before_done = 0
    later = open_caller(desk, ScriptedBatchBackend(vendor))
    assert answers(ask_all(later, "a")) == ["answer to a"]
    later.close()
    assert vendor.billed == {"a": 1}
    assert desk.ledger.spent_by_run("r1") == Balance(committed=HALF, held=0)


def test_two_processes_do_not_wait_for_the_same_batches(desk: Desk, vendor: Vendor) -> None:
    first = open_caller(desk, ScriptedBatchBackend(vendor))
    with pytest.raises(TeacherError, match="Another process is waiting for these batches"):
        open_caller(desk, ScriptedBatchBackend(vendor))
    first.close()


# A crash between every two steps


class Crash(BaseException):
    """Ends a process as far as its code can tell."""


class Crashing:
    """Test-only: passes on what is asked of ``inner`` and crashes at step number ``at``, before or after doing it."""

    steps = 0
    at = -1
    done: list[str]

    def __init__(self, inner: object, names: tuple[str, ...]) -> None:
        self._inner = inner
        self._names = names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._names:
            return method

        def step(*args: Any, **kwargs: Any) -> Any:
            before, after = Crashing.steps, Crashing.steps + 1
            Crashing.steps += 2
            if Crashing.at != -1 and before >= Crashing.at:
                raise Crash
            result = method(*args, **kwargs)
            Crashing.done.append(name)
            if Crashing.at != -1 and after >= Crashing.at:
                raise Crash
            return result

        return step


def run_until_crash(desk: Desk, vendor: Vendor, at: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ask for a and b; the process ends at step ``at``, -1: not at all. Names of the steps that were done."""
    Crashing.steps, Crashing.at, Crashing.done = 0, at, []
    with monkeypatch.context() as patch:
        patch.setattr(batches, "BatchState", lambda file: Crashing(BatchState(file), ("begin", "submitted", "end")))
        patch.setattr(threading, "excepthook", lambda _: None)  # a crash of the collector is what is wanted
        asker = open_caller(
            desk,
            Crashing(ScriptedBatchBackend(vendor), ("submit", "find", "collect")),  # pyright: ignore[reportArgumentType]
            ledger=Crashing(desk.ledger, ("hold", "commit", "release")),  # pyright: ignore[reportArgumentType]
            cache=Crashing(desk.cache, ("put",)),
        )
        ask_all(asker, "ab")
        asker.close()
    return Crashing.done


STEPS = 2 * 12
"""hold a, hold b, begin, submit, submitted, collect (not yet), collect, put a, commit a, put b, commit b, end."""


def test_without_a_crash_the_steps_are_those_that_are_tried(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_until_crash(desk, vendor, -1, monkeypatch)
    assert done == [
        "hold",
        "hold",
        "begin",
        "submit",
        "submitted",
        "collect",
        "collect",
        "put",
        "commit",
        "put",
        "commit",
        "end",
    ]
    assert 2 * len(done) == STEPS


@pytest.mark.parametrize("at", range(STEPS))
def test_a_crash_between_any_two_steps_hands_in_once_and_pays_once(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    run_until_crash(desk, vendor, at, monkeypatch)
    began = time.monotonic()
    asker = open_caller(Desk(desk.folder), ScriptedBatchBackend(vendor))
    found = ask_all(asker, "ab")
    asker.close()
    assert answers(found) == ["answer to a", "answer to b"]
    assert vendor.billed == {"a": 1, "b": 1}
    balance = desk.ledger.spent_by_run("r1")
    assert balance.held == 0
    # Before the batch is written down nobody can tell a hold that was never used from one that may be billed.
    unused = min((at + 1) // 2, 2) if at < 5 else 0
    assert balance.committed == 2 * HALF + unused * BOUND
    assert time.monotonic() - began < 30
