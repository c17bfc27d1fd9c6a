"""How the axes of a pack become numbers: a combination is a tuple of digits, one an axis, in the order of the pack.

Distance of two scenarios: the mean over axes of 0 or 1 for categories and of difference over range for numbers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from srl_pipeline.model_types import NumericAxis
from srl_pipeline.verification import ScenarioSpace

Axes = dict[str, str | float]
Digits = tuple[int, ...]
THIRD_NAMES = ("lowest third", "middle third", "highest third")
THIRDS = len(THIRD_NAMES)
"""Ranges into which coverage and weakness cut a numeric axis."""


class AxisCodes:
    """Digits of the axis values of one pack.

    Attributes:
        names: Axes in the pack's order.
        sizes: Number of values of each axis.
        numeric: Whether the axis is a grid of numbers.
        positions: Of a numeric axis the place of each value within the range, 0..1; of a categorical one nothing.
    """

    def __init__(self, space: ScenarioSpace) -> None:
        specs = space.pack.spec.axes
        self.names = list(space.values)
        self.values = list(space.values.values())
        self.sizes = [len(values) for values in self.values]
        self.numeric = [isinstance(specs[name], NumericAxis) for name in self.names]
        self.positions = [
            [_position(specs[name], float(value)) for value in values] if numeric else []
            for name, values, numeric in zip(self.names, self.values, self.numeric, strict=True)
        ]
        self._digit = [{value: digit for digit, value in enumerate(values)} for values in self.values]

    def encode(self, axes: Mapping[str, str | float]) -> Digits | None:
        """The digits of ``axes``; None where the pack has no such axis or value."""
        if len(axes) != len(self.names):
            return None
        found = [digits.get(axes.get(name, "")) for name, digits in zip(self.names, self._digit, strict=True)]
        return tuple(digit for digit in found if digit is not None) if None not in found else None

    def axes(self, digits: Digits) -> Axes:
        """The combination that ``digits`` stand for."""
        return {name: self.values[i][digit] for i, (name, digit) in enumerate(zip(self.names, digits, strict=True))}

    def number(self, digits: Digits) -> int:
        """One number for a combination: what has been drawn is a set of these."""
        number = 0
        for digit, size in zip(digits, self.sizes, strict=True):
            number = number * size + digit
        return number

    def digits(self, number: int) -> Digits:
        """The combination that `number` stands for."""
        found: list[int] = []
        for size in reversed(self.sizes):
            number, digit = divmod(number, size)
            found.append(digit)
        return tuple(reversed(found))

    def random(self, rng: random.Random) -> Digits:
        """A random combination, possible or not."""
        draw = rng.random  # several times as fast as randrange, which most of the time of drawing would go to
        return tuple([int(draw() * size) for size in self.sizes])

    def bucket(self, axis: int, digit: int) -> int:
        """The range of a value of a numeric axis, counted from 0; of a categorical one the digit itself."""
        return third(self.positions[axis][digit]) if self.numeric[axis] else digit

    def buckets(self, axis: int) -> int:
        """Number of buckets of an axis."""
        return THIRDS if self.numeric[axis] else self.sizes[axis]


def third(position: float) -> int:
    """Which third of the range a position (0..1) lies in."""
    return min(THIRDS - 1, int(position * THIRDS))


def bucket_name(space: ScenarioSpace, axis: str, value: str | float) -> str:
    """How coverage calls a value: a word by its name, a number by its third of the range."""
    spec = space.pack.spec.axes[axis]
    return THIRD_NAMES[third(_position(spec, float(value)))] if isinstance(spec, NumericAxis) else str(value)


def axis_distance(space: ScenarioSpace, left: Axes, right: Axes) -> float:
    """Mean over axes of: 0/1 for categories, difference over range for numbers."""
    total = 0.0
    for axis, spec in space.pack.spec.axes.items():
        if isinstance(spec, NumericAxis):
            total += abs(_position(spec, float(left[axis])) - _position(spec, float(right[axis])))
        else:
            total += left[axis] != right[axis]
    return total / len(space.values)


def _position(spec: object, value: float) -> float:
    assert isinstance(spec, NumericAxis)
    return (value - spec.min) / ((spec.max - spec.min) or 1.0)
