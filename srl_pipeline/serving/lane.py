"""One worker and a bounded queue before it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import TypeVar

from srl_pipeline.serving.errors import Busy

T = TypeVar("T")


class Lane:
    """Work in the order it came, one piece at a time; safe to use from threads.

    Args:
        waiting: Pieces that may wait behind the one under way.
    """

    def __init__(self, name: str, waiting: int) -> None:
        self._most = 1 + waiting
        self._inside = 0
        self._changed = Condition()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name)

    @property
    def inside(self) -> int:
        """Pieces under way or waiting."""
        return self._inside

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Queue ``work``; raises Busy where the queue is full. A future that is cancelled in time never begins."""
        with self._changed:
            if self._inside >= self._most:
                raise Busy(self._inside)
            self._inside += 1
        future = self._worker.submit(work)
        future.add_done_callback(lambda _: self._leave())
        return future

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is under way or waiting, at most ``seconds``; whether it is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._inside == 0, seconds)

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()
