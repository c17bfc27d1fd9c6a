"""Every scenario that was drawn, as columns of numbers: who is nearest is one pass over them.

Memory: 1 byte a categorical axis, 4 bytes a numeric one, and about 70 bytes for the number that finds a repetition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from srl_pipeline.generation.drawing.codes import AxisCodes, Digits

_ROOM = 1024
ROUNDING = 1e-6
"""Distances are single precision: what differs by less is equal."""


class History:
    """Scenarios drawn so far, by their digits."""

    def __init__(self, codes: AxisCodes) -> None:
        self._codes = codes
        self._words = [i for i, numeric in enumerate(codes.numeric) if not numeric]
        self._numbers = [i for i, numeric in enumerate(codes.numeric) if numeric]
        self._word_columns = np.empty((len(self._words), _ROOM), dtype=np.uint8)
        self._number_columns = np.empty((len(self._numbers), _ROOM), dtype=np.float32)
        self._known: set[int] = set()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Digits]:
        return map(self._codes.digits, self._known)

    def __contains__(self, digits: Digits) -> bool:
        return self._codes.number(digits) in self._known

    def copy(self) -> History:
        """Another history that begins with the same scenarios."""
        other = History(self._codes)
        other._word_columns, other._number_columns = self._word_columns.copy(), self._number_columns.copy()
        other._known = set(self._known)
        return other

    def add(self, digits: Digits) -> None:
        """Add one; nothing happens where it is known."""
        number, end = self._codes.number(digits), len(self._known)
        if number in self._known:
            return
        if end == self._word_columns.shape[1]:
            self._word_columns = np.concatenate([self._word_columns, np.empty_like(self._word_columns)], axis=1)
            self._number_columns = np.concatenate([self._number_columns, np.empty_like(self._number_columns)], axis=1)
        for row, axis in enumerate(self._words):
            self._word_columns[row, end] = digits[axis]
        for row, axis in enumerate(self._numbers):
            self._number_columns[row, end] = self._codes.positions[axis][digits[axis]]
        self._known.add(number)

    def add_axes(self, found: Iterable[Mapping[str, str | float]]) -> int:
        """Add combinations of axis values; how many the pack no longer has: those cannot come again."""
        foreign = 0
        for axes in found:
            digits = self._codes.encode(axes)
            if digits is None:
                foreign += 1
            else:
                self.add(digits)
        return foreign

    def nearest(self, digits: Digits) -> float:
        """Axes that differ from the nearest scenario, numeric ones by their share: 0 to the number of axes.

        Without a history everything differs.
        """
        end = len(self._known)
        if not end:
            return float(len(digits))
        differing = np.zeros(end, dtype=np.uint8)
        for row, axis in enumerate(self._words):
            differing += self._word_columns[row, :end] != digits[axis]
        if not self._numbers:
            return float(differing.min())
        total = differing.astype(np.float32)
        for row, axis in enumerate(self._numbers):
            total += np.abs(self._number_columns[row, :end] - np.float32(self._codes.positions[axis][digits[axis]]))
        return float(total.min())
