"""Coverage counts pairs of axis values, and a gain is what a scenario would add."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from srl_pipeline.generation.drawing import bucket_name, coverage
from srl_pipeline.generation.drawing.coverage import PairCoverage

from .given import CODES, SPACE, axes


def test_coverage_is_the_share_of_pairs_of_axis_values() -> None:
    assert coverage(SPACE, []) == 0.0
    one = SPACE.scenario(axes(), where="test")
    assert coverage(SPACE, [one]) == pytest.approx(3 / (4 * 4 + 4 * 3 + 4 * 3))


def test_it_grows_as_a_plain_set_of_pairs_does_and_the_gain_is_told_before() -> None:
    covered, seen, rng = PairCoverage(CODES), set[tuple[str, str]](), random.Random(1)
    for _ in range(60):
        digits = CODES.random(rng)
        names = [f"{axis}={bucket_name(SPACE, axis, value)}" for axis, value in CODES.axes(digits).items()]
        pairs = set(combinations(names, 2))
        assert covered.gain(digits) == pytest.approx(len(pairs - seen) / 3)
        covered.add(digits)
        seen |= pairs
        assert covered.share == pytest.approx(len(seen) / 40)


@pytest.mark.parametrize(
    ("hours", "name"),
    [
        (1, "lowest third"),
        (8, "lowest third"),
        (9, "middle third"),
        (16, "middle third"),
        (17, "highest third"),
        (24, "highest third"),
    ],
)
def test_numbers_are_cut_in_thirds_of_their_range(hours: int, name: str) -> None:
    assert bucket_name(SPACE, "hours", hours) == name
