"""Shares of strategies: what paid gets more, nothing available is given up, and no step is too long."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from srl_pipeline.generation.drawing.mix import (
    GenerationYield,
    StrategyCounts,
    allocate,
    interleaved,
    next_mix,
    pooled,
    yields,
)

NAMES = ("fresh", "adversarial", "frontier", "repair")
paid = st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES})
some = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)
mixes = st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES}).map(
    lambda m: {n: v / sum(m.values()) for n, v in m.items()} if sum(m.values()) > 0 else {}
)
floors, steps = st.floats(0, 0.25), st.floats(0.01, 1)


@given(paid, some, mixes, floors, steps)
def test_shares_add_up_to_one_hold_the_floor_and_leave_out_what_is_not_available(
    values: dict[str, float], available: list[str], previous: dict[str, float], floor: float, step: float
) -> None:
    mix = next_mix(values, available, previous, floor=floor, step=step)
    assert sum(mix.values()) == pytest.approx(1.0)
    assert all(mix[name] >= min(floor, 1 / len(available)) - 1e-9 for name in available)
    assert all(mix[name] == 0.0 for name in NAMES if name not in available)


@given(paid, some, mixes, floors, steps, st.floats(0, 1), st.data())
def test_a_strategy_that_pays_more_never_gets_less(
    values: dict[str, float],
    available: list[str],
    previous: dict[str, float],
    floor: float,
    step: float,
    more: float,
    data: st.DataObject,
) -> None:
    name = data.draw(st.sampled_from(available))
    assume(sum(values[n] for n in available) > 0)  # where nothing pays, all are equal
    before = next_mix(values, available, previous, floor=floor, step=step)
    after = next_mix(values | {name: values[name] + more}, available, previous, floor=floor, step=step)
    assert after[name] >= before[name] - 1e-9


@given(paid, mixes, steps)
def test_the_mix_moves_by_no_more_than_the_step(
    values: dict[str, float], previous: dict[str, float], step: float
) -> None:
    assume(previous and min(previous.values()) >= 0.05)
    mix = next_mix(values, NAMES, previous, floor=0.05, step=step)
    assert sum(abs(mix[n] - previous[n]) for n in NAMES) / 2 <= step + 1e-9


def test_a_strategy_that_becomes_available_has_its_floor_at_once() -> None:
    mix = next_mix(dict.fromkeys(NAMES, 0.0), NAMES, {"fresh": 1.0}, floor=0.1, step=0.05)
    assert mix["fresh"] == pytest.approx(0.65)
    assert all(mix[name] == pytest.approx(0.35 / 3) for name in NAMES[1:])


def test_without_a_generation_before_the_shares_are_those_of_the_yields() -> None:
    mix = next_mix({"fresh": 0.3, "repair": 0.1}, ["fresh", "repair"], {}, floor=0.1, step=0.1)
    assert mix == pytest.approx({"fresh": 0.1 + 0.8 * 0.75, "repair": 0.1 + 0.8 * 0.25})


def test_a_yield_is_accepted_share_times_gradient_share_with_credit_for_the_gain() -> None:
    counts = {"fresh": StrategyCounts(96, 72, 96, 24), "repair": StrategyCounts(16, 16, 16, 8)}
    found = yields([GenerationYield(1, counts, gain=0.1)], ["fresh", "repair", "frontier"])
    accepted, gradient = 88 / 112, 32 / 112

    def expected(a: float, asked: float, kept: float, sampled: float) -> float:
        learns = (kept + 4 * gradient) / (sampled + 4)
        return (a + 4 * accepted) / (asked + 4) * learns * (1 + 0.1 * min(2, learns / gradient))

    assert found["fresh"] == pytest.approx(expected(72, 96, 24, 96))
    assert found["repair"] == pytest.approx(expected(16, 16, 8, 16))
    assert found["frontier"] == pytest.approx(accepted * gradient * 1.1)  # never tried: an average one


def test_a_fall_of_the_pass_rate_is_no_strategys_fault() -> None:
    counts = {"fresh": StrategyCounts(10, 9, 10, 5)}
    fallen, unknown = ([GenerationYield(1, counts, gain)] for gain in (-0.3, None))
    assert yields(fallen, ["fresh"]) == yields(unknown, ["fresh"])


def test_an_older_generation_weighs_half() -> None:
    old, new = StrategyCounts(100, 80, 60, 20), StrategyCounts(10, 10, 10, 10)
    found = pooled([GenerationYield(1, {"fresh": old}), GenerationYield(2, {"fresh": new})])
    assert found == {"fresh": StrategyCounts(60, 50, 40, 20)}


def test_before_anything_was_measured_all_yields_are_one() -> None:
    assert yields([], ["fresh", "repair"]) == {"fresh": 1.0, "repair": 1.0}


def test_where_nothing_gave_a_gradient_all_pay_nothing_and_share_alike() -> None:
    nothing = yields([GenerationYield(1, {"fresh": StrategyCounts(8, 8, 8, 0)})], NAMES)
    assert set(nothing.values()) == {0.0}
    assert next_mix(nothing, NAMES, {}, floor=0.1, step=1.0) == pytest.approx(dict.fromkeys(NAMES, 0.25))


@given(mixes, st.integers(0, 500))
def test_every_draw_is_given_to_somebody_within_one_of_its_share(shares: dict[str, float], count: int) -> None:
    assume(shares)
    found = allocate(shares, count)
    assert sum(found.values()) == count
    assert all(abs(found[name] - share * count) < 1 for name, share in shares.items())


def test_the_largest_remainders_get_what_is_left() -> None:
    assert allocate({"a": 0.5, "b": 0.27, "c": 0.23}, 11) == {"a": 5, "b": 3, "c": 3}
    assert allocate({"a": 0.7, "b": 0.3}, 10) == {"a": 7, "b": 3}


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 60), min_size=1))
def test_strategies_are_spread_over_the_generation(allocation: dict[str, int]) -> None:
    order = list(interleaved(allocation))
    assert Counter(order) == Counter({n: c for n, c in allocation.items() if c})
    half = Counter(order[: len(order) // 2])
    assert all(abs(half[name] - count / 2) <= 2 for name, count in allocation.items())
