"""Work on many items at once: in order, bounded, and nothing is begun after a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from srl_pipeline.generation.flow import WINDOW, in_order


def test_results_come_in_the_order_of_the_items_whichever_is_faster() -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.05 if item == 0 else 0.0)
        return item * item

    assert list(in_order(slow_first, range(20), 4)) == [n * n for n in range(20)]


def test_no_more_items_are_read_than_the_window_holds() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for n in range(1000):
            read.append(n)
            yield n

    results = in_order(lambda n: n, items(), 3)
    for _ in range(10):
        next(results)
    assert len(read) <= 10 + 3 * WINDOW
    results.close()  # type: ignore[attr-defined]


def test_a_slow_item_does_not_idle_the_other_workers() -> None:
    release, others = threading.Event(), threading.Semaphore(0)

    def work(item: int) -> int:
        if item == 0:
            assert release.wait(10)
        else:
            others.release()
        return item

    results = in_order(work, range(8), 2)
    collected: list[int] = []
    reader = threading.Thread(target=lambda: collected.extend(results))
    reader.start()
    assert all(others.acquire(timeout=10) for _ in range(7))  # all seven were worked on while the first still waits
    release.set()
    reader.join(10)
    assert collected == list(range(8))


def test_a_failure_ends_it_aborts_and_waits_for_what_is_under_way() -> None:
    done: list[int] = []
    aborted = threading.Event()
    began = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert began.wait(10)
            raise ValueError("no answer")
        began.set()
        assert aborted.wait(10)  # a call under way ends when it is told that the whole is over
        done.append(item)
        return item

    with pytest.raises(ValueError, match="no answer"):
        list(in_order(work, range(100), 2, aborted.set))
    assert done == [1]


def test_one_worker_needs_no_threads() -> None:
    assert set(in_order(lambda _: threading.current_thread(), range(3), 1)) == {threading.current_thread()}
