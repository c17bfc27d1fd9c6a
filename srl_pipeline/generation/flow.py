"""Work on many items at once, in order, with bounded memory: a window slides over the input.

A barrier after every batch would wait for the slowest call of each; a window keeps all workers busy until the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

WINDOW = 4
"""Items under way or waiting to be yielded, a worker: one slow item does not idle the others."""
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def in_order(
    work: Callable[[_Item], _Made], items: Iterable[_Item], concurrency: int, abort: Callable[[], None] = lambda: None
) -> Iterator[_Made]:
    """``work(item)`` for each item, in the order of ``items``, up to ``concurrency`` at once.

    ``items`` is read as the window moves. The first exception ends it: ``abort`` is called, what has not begun never
    begins, and what is under way is waited for, so that nothing that was paid is lost.
    """
    if concurrency == 1:
        yield from map(work, items)
        return
    failed: list[BaseException] = []

    def unless_failed(item: _Item) -> _Made:
        # Asked by the worker itself: between a failure and the cancelling below, a free worker would begin one more.
        if failed:
            raise failed[0]
        try:
            return work(item)
        except BaseException as failure:
            failed.append(failure)
            raise

    remaining = iter(items)
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="teaching")
    try:
        pending: deque[Future[_Made]] = deque(
            pool.submit(unless_failed, i) for i in islice(remaining, WINDOW * concurrency)
        )
        while pending:
            yield pending.popleft().result()
            pending.extend(pool.submit(unless_failed, item) for item in islice(remaining, 1))
    except BaseException:
        abort()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
