"""What may not be drawn, and why: each refusal is counted by its reason."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest

from srl_pipeline.generation.drawing.codes import Axes, AxisCodes
from srl_pipeline.generation.drawing.conditions import Conditions
from srl_pipeline.generation.drawing.fence import Fence
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.model_types import load_pack
from srl_pipeline.verification import ScenarioSpace

from .given import CODES, FROZEN, SPACE, axes
from .test_conditions import PACKS


def refused(asked: Axes, *known: Axes, near: float = 0.04) -> str:
    """The reason for which ``asked`` is refused; empty when it is not."""
    history, counts = History(CODES), Counter[str]()
    history.add_axes(known)
    digits = CODES.encode(asked)
    assert digits is not None
    novelty = Fence(SPACE, CODES, history, near, counts).novelty(digits)
    assert (novelty is None) == bool(counts)
    return next(iter(counts), "")


def far_from_frozen() -> Axes:
    """A scenario with nothing held out within three hours of it, nor of the next three."""
    for region, bearer, hours in product(*(CODES.values[i] for i in (0, 1)), range(4, 18)):
        beside = [f["hours"] for f in FROZEN if (f["region"], f["bearer"]) == (region, bearer)]
        if all(abs(float(h) - hours - 1) > 4 for h in beside):
            return axes(str(region), str(bearer), hours)
    raise AssertionError


FREE = far_from_frozen()


def later(hours: int) -> Axes:
    return FREE | {"hours": float(FREE["hours"]) + hours}


def test_a_held_out_scenario_is_refused() -> None:
    assert refused(FROZEN[0]) == "held_out"


def test_a_grid_step_from_a_held_out_scenario_is_too_near() -> None:
    held = FROZEN[0]
    beside = held | {"hours": float(held["hours"]) + (1 if float(held["hours"]) < 24 else -1)}
    expected = "held_out" if beside in [f | {"hours": float(f["hours"])} for f in FROZEN] else "near_held_out"
    assert refused(beside) == expected


def test_a_repetition_is_refused_and_another_word_is_not() -> None:
    assert refused(FREE, FREE) == "repeated"
    assert refused(FREE, FREE | {"bearer": "miner" if FREE["bearer"] != "miner" else "scribe"}) == ""


@pytest.mark.parametrize(("near", "hours", "expected"), [(0.04, 1, ""), (0.05, 1, "near_duplicate"), (0.05, 2, "")])
def test_numbers_alone_must_differ_by_a_share_of_their_range(near: float, hours: int, expected: str) -> None:
    assert refused(later(hours), FREE, near=near) == expected  # one hour is 1/23 of the range


def test_with_no_distance_asked_for_only_equal_ones_are_refused() -> None:
    held = FROZEN[0]
    assert refused(held | {"hours": 25 - float(held["hours"])}, near=0.0) in ("", "held_out")
    assert refused(later(1), FREE, near=0.0) == ""


@pytest.mark.parametrize("pack", PACKS)
def test_more_than_half_of_what_is_possible_in_each_pack_may_be_drawn_one_after_the_other(pack: str) -> None:
    space = ScenarioSpace(load_pack(pack))
    codes = AxisCodes(space)
    conditions, rng, counts = Conditions(space, codes), random.Random(1), Counter[str]()
    history = History(codes)
    fence = Fence(space, codes, history, 0.04, counts)
    words = [
        rng.randrange(size) if not numeric else None for size, numeric in zip(codes.sizes, codes.numeric, strict=True)
    ]
    taken = possible = 0
    for _ in range(6):  # all combinations of a few slices: two axes free, and every number
        free = set(rng.sample([i for i, w in enumerate(words) if w is not None], 2))
        ranges = [
            range(n) if w is None or i in free else [rng.randrange(n)]
            for i, (n, w) in enumerate(zip(codes.sizes, words, strict=True))
        ]
        for digits in product(*ranges):
            if not conditions.possible(digits) or digits in history:
                continue
            possible += 1
            if fence.novelty(digits) is not None:
                history.add(digits)
                taken += 1
    assert taken > possible / 2
