"""Append with numbers from 1, without gaps, in the order in which they are kept.

The number is an item that every append of a sequence moves on in its transaction: where it moved since it was read,
nothing of what was read meanwhile may be old, and the append begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar
from uuid import uuid4

from srl_pipeline.registry.dynamo.table import EXPIRES, Table, until_settled
from srl_pipeline.registry.dynamo.writes import NEW, Write

T = TypeVar("T")
_REMEMBERED_SECONDS = 86_400
"""How long it is known which requests were carried out: far longer than any is tried again."""


class Numbered(Generic[T]):
    """A sequence of this name in a table."""

    def __init__(self, table: Table, name: str) -> None:
        self._table = table
        self._name = name
        self._turn = Lock()

    def append(self, plan: Callable[[int], tuple[T, Sequence[Write]]]) -> T:
        """Carry out what ``plan`` gives for the next number, once.

        ``plan`` reads what it needs and returns a result and the writes that keep it; with no writes there is nothing
        to keep. It may be asked several times. What it raises is raised here.
        """
        request, planned = f"REQUEST#{uuid4().hex}", dict[int, T]()

        def attempt() -> T:
            if planned and (done := self._table.get(request, "#")) is not None:
                return planned[int(done["number"])]  # an earlier try was carried out, and its answer lost
            last = self.last()
            result, writes = plan(last + 1)
            if not writes:
                return result
            planned[last + 1] = result
            self._table.write([self._moved(last), self._noted(request, last + 1), *writes])
            return result

        with self._turn:  # threads would only make each other begin anew
            return until_settled(attempt, self._table)

    def last(self) -> int:
        """The newest number; 0 before there is one."""
        found = self._table.get("NUMBER", self._name)
        return int(found["last"]) if found else 0

    def _moved(self, last: int) -> Write:
        key = {"pk": "NUMBER", "sk": self._name}
        only_if = "#last = :last" if last else NEW
        values = {"next": last + 1} | ({"last": last} if last else {})
        return Write("Update", {**key}, "SET #last = :next", only_if, values)

    def _noted(self, request: str, number: int) -> Write:
        expires = int(time.time()) + _REMEMBERED_SECONDS
        return Write("Put", {"pk": request, "sk": "#", "number": number, EXPIRES: expires}, only_if=NEW)


def place(number: int) -> str:
    """A number as a key: in the order of numbers."""
    return f"{number:015d}"
