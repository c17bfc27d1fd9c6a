"""Which scenarios may not be drawn: the evaluation set and its neighbours, repetitions, near-duplicates.

**Near-duplicate**: no categorical axis differs from an earlier scenario, and the numeric axes differ by less than
``near`` of their range in total. Next to the **evaluation set** one grid step of one numeric axis is too near as well:
a held-out scenario measures what was not trained, and that set is small, so its surroundings cost little.

Where a task source offers the tasks, a number names a task and says nothing of its nearness: only equal ones count.
"""

from __future__ import annotations

from collections import Counter

from srl_pipeline.generation.drawing.codes import AxisCodes, Digits
from srl_pipeline.generation.drawing.history import ROUNDING, History
from srl_pipeline.verification import ScenarioSpace


class Fence:
    """Decides by ``history``, which grows as scenarios are drawn, and by the evaluation set.

    Args:
        near: Share of the range; 0 lets everything pass that is not equal.
        refused: Where refusals are counted, by reason.
    """

    def __init__(
        self, space: ScenarioSpace, codes: AxisCodes, history: History, near: float, refused: Counter[str]
    ) -> None:
        self._codes, self._history, self._refused = codes, history, refused
        by_source = space.pack.spec.plugins.tasks is not None
        # No grid is that fine in most packs: then what is near is equal, and equal ones are found without a distance.
        self._near = near if not by_source and near > _finest_step(codes) else 0.0
        self._held_out = History(codes)
        self._held_out.add_axes(space.pack.definition.evaluation.scenarios)
        frozen = (codes.encode(axes) for axes in space.pack.definition.evaluation.scenarios)
        steps = [n for digits in frozen if digits for n in self._one_step(digits)] if near and not by_source else []
        self._beside = {codes.number(digits) for digits in steps}

    def held_out(self, digits: Digits) -> bool:
        """Whether it is a scenario of the evaluation set."""
        return digits in self._held_out

    def novelty(self, digits: Digits) -> float | None:
        """The novelty (0..1) of a scenario that may be drawn; None, and one more refusal, of one that may not."""
        if self.held_out(digits):
            return self._refuse("held_out")
        if digits in self._history:
            return self._refuse("repeated")
        number = self._codes.number(digits)
        if number in self._beside or (self._near and self._is_near(self._held_out.nearest(digits))):
            return self._refuse("near_held_out")
        nearest = self._history.nearest(digits)
        if self._near and self._is_near(nearest):
            return self._refuse("near_duplicate")
        return nearest / len(digits)

    def _is_near(self, differing: float) -> bool:
        return differing < self._near - ROUNDING  # below 1: no category differs

    def _refuse(self, reason: str) -> None:
        self._refused[reason] += 1

    def _one_step(self, digits: Digits) -> list[Digits]:
        return [
            (*digits[:axis], digits[axis] + step, *digits[axis + 1 :])
            for axis, numeric in enumerate(self._codes.numeric)
            if numeric
            for step in (-1, 1)
            if 0 <= digits[axis] + step < self._codes.sizes[axis]
        ]


def _finest_step(codes: AxisCodes) -> float:
    """The least distance of two values of one numeric axis, as a share of its range; 1 without such an axis."""
    return min((positions[1] - positions[0] for positions in codes.positions if len(positions) > 1), default=1.0)
