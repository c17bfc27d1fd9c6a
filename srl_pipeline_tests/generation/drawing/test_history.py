"""Novelty: the distance to the nearest scenario, over many of them in little time."""

from __future__ import annotations

import random
import statistics
import time

import pytest

from srl_pipeline.generation.drawing import axis_distance
from srl_pipeline.generation.drawing.codes import AxisCodes, Digits
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.model_types import load_pack
from srl_pipeline.verification import ScenarioSpace

from .given import CODES, SPACE, axes, drawing


def digits(count: int, seed: int, codes: AxisCodes = CODES) -> list[Digits]:
    rng = random.Random(seed)
    return [codes.random(rng) for _ in range(count)]


def test_distance_counts_categories_whole_and_numbers_by_their_range() -> None:
    here = axes(hours=1.0)
    assert axis_distance(SPACE, here, here | {"hours": 24.0}) == pytest.approx(1 / 3)
    assert axis_distance(SPACE, here, here | {"hours": 12.5}) == pytest.approx(1 / 6)
    assert axis_distance(SPACE, here, axes("highmarch", "miner", 24.0)) == 1.0


def test_the_nearest_is_that_of_comparing_with_every_one() -> None:
    history, known = History(CODES), digits(60, 1)
    for one in known:
        history.add(one)
    for asked in digits(100, 2):
        plain = min(axis_distance(SPACE, CODES.axes(asked), CODES.axes(one)) for one in known)
        assert history.nearest(asked) / 3 == pytest.approx(plain, abs=1e-6)


def test_without_a_history_all_axes_differ() -> None:
    assert History(CODES).nearest((0, 0, 0)) == 3.0


def test_novelty_is_one_at_first_and_zero_for_a_repetition() -> None:
    drawn = next(drawing(1))
    history = History(CODES)
    history.add_axes([drawn.scenario.axes])
    found = CODES.encode(drawn.scenario.axes)
    assert drawn.novelty == 1.0
    assert found is not None and found in history and history.nearest(found) == 0.0


def test_a_history_grows_beyond_its_first_room() -> None:
    codes = AxisCodes(ScenarioSpace(load_pack("animals")))
    history, known = History(codes), list(dict.fromkeys(digits(3000, 1, codes)))
    for one in known:
        history.add(one)
    assert len(history) == len(known)
    assert all(one in history and history.nearest(one) == 0.0 for one in known[::50])


def test_a_copy_goes_its_own_way() -> None:
    first = History(CODES)
    first.add((0, 0, 0))
    second = first.copy()
    second.add((1, 1, 1))
    assert (1, 1, 1) not in first and len(first) == 1
    assert (0, 0, 0) in second and second.nearest((1, 1, 1)) == 0.0


def test_what_the_pack_no_longer_has_is_counted_and_left_out() -> None:
    history = History(CODES)
    assert history.add_axes([axes(), axes(region="atlantis"), {"region": "saltmere"}]) == 2
    assert len(history) == 1


@pytest.mark.slow
def test_a_check_against_100_000_scenarios_takes_under_a_millisecond() -> None:
    codes = AxisCodes(ScenarioSpace(load_pack("animals")))
    history, rng = History(codes), random.Random(1)
    history.add((0,) * 5)
    history._word_columns = _many(history._word_columns)  # more than the pack has: speed depends on their number alone
    history._number_columns = _many(history._number_columns)
    history._known = set(range(100_000))
    seconds: list[float] = []
    for _ in range(300):
        asked = codes.random(rng)
        started = time.perf_counter()
        history.nearest(asked)
        seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 0.001


def _many(columns: object) -> object:
    import numpy as np

    rng = np.random.default_rng(1)
    found = np.asarray(columns)
    return rng.integers(0, 5, size=(found.shape[0], 100_000)).astype(found.dtype)


def test_a_history_gives_back_what_was_added() -> None:
    added, history = set(digits(50, seed=1)), History(CODES)
    for one in added:
        history.add(one)
    assert set(history) == added
