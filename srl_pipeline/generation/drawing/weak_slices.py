"""Weak slices, as the weakness detector found them, pull the drawing towards themselves.

**Pull** of a scenario: of the weak slices that it lies in, the greatest effect, as a share of the greatest effect of
any weak slice: 1 in the weakest slice, 0 in none. It enters the score of a proposal with the weight
``weaknesses.steer``. A slice is one or two conditions: an axis value, a range of numbers, a difficulty band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srl_pipeline.generation.drawing.checked import checked_file
from srl_pipeline.generation.drawing.codes import AxisCodes, Digits
from srl_pipeline.generation.drawing.outcomes import band_of
from srl_pipeline.registry import StoredArtifact

if TYPE_CHECKING:
    from srl_pipeline.weaknesses import Condition

BAND_NAMES = ("easy", "medium", "hard")


@dataclass(frozen=True)
class WeakSlice:
    """A slice that was found weak: what its scenarios have in common, and how much more they fail (0..1)."""

    where: tuple[Condition, ...]
    effect: float


class Pull:
    """The pull of scenarios of one pack. Slices of axes or values that it does not have pull nothing."""

    def __init__(self, codes: AxisCodes, slices: Sequence[WeakSlice], steer: float) -> None:
        self._codes = codes
        greatest = max((s.effect for s in slices), default=0.0)
        known = [(s, places) for s in slices if (places := self._places(s.where)) is not None]
        self._slices = [(places, steer * s.effect / greatest) for s, places in known if greatest > 0 and steer > 0]

    @property
    def known(self) -> bool:
        """Whether any slice pulls."""
        return bool(self._slices)

    def of(self, digits: Digits, difficulty: float) -> float:
        """The pull of a scenario times ``steer``."""
        here = (*digits, band_of(difficulty))
        return max(
            (weight for places, weight in self._slices if all(here[at] in allowed for at, allowed in places)),
            default=0.0,
        )

    def _places(self, where: Sequence[Condition]) -> list[tuple[int, set[int]]] | None:
        """(Axis, digits that it may have) of each condition, the band as one axis more; None where there is none."""
        found: list[tuple[int, set[int]]] = []
        for condition in where:
            if condition.axis and condition.axis not in self._codes.names:
                return None
            at = self._codes.names.index(condition.axis) if condition.axis else len(self._codes.names)
            values = self._codes.values[at] if condition.axis else BAND_NAMES
            allowed = {digit for digit, value in enumerate(values) if _meets(condition, value)}
            if not allowed:
                return None
            found.append((at, allowed))
        return found or None


def weak_slices_of(artifact: StoredArtifact) -> list[WeakSlice]:
    """The weak bands, values and pairs of a `weaknesses` artifact. Rules and skills are no part of a scenario.

    Raises ArtifactError when it is missing, altered or cannot be read.
    """
    from srl_pipeline.weaknesses import read_weaknesses
    from srl_pipeline.weaknesses.artifact import WEAKNESSES

    checked_file(artifact, WEAKNESSES)
    found = read_weaknesses(artifact.path).found
    return [WeakSlice(tuple(one.part.where), one.effect) for one in found if one.part.where]


def _meets(condition: Condition, value: str | float) -> bool:
    if isinstance(value, str):
        return condition.low is None and condition.label == value
    return condition.low is not None and condition.high is not None and condition.low <= value <= condition.high
