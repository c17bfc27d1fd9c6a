"""What tuning is expected to cost, can cost, and has cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.errors import BudgetError
from srl_pipeline.registry import dollars, nanos
from srl_pipeline.tuning.pricing import charged, estimate, to_hold
from srl_pipeline.tuning.records import JobState
from srl_pipeline_tests.tuning.examples import example, price, tuner


def test_likely_counts_four_characters_a_token_in_every_epoch() -> None:
    found = estimate([example(n) for n in range(10)], tuner(epochs=3), "nano")
    assert found.tokens.likely == 3 * 10 * 80 // 4
    assert found.usd.likely == pytest.approx(600 * 4 / 1e6)
    assert found.hours is None and found.price_as_of == "2026-11-01"


def test_the_most_counts_every_byte_and_the_marks_of_roles() -> None:
    found = estimate([example(answer="ä" * 20)], tuner(epochs=2), "nano")
    assert found.tokens.most == 2 * (20 + 40 + 40 + 3 * 16)


def test_validation_examples_are_not_paid_for() -> None:
    both = [example(0), example(1, split="validation")]
    assert estimate(both, tuner(), "nano") == estimate(both[:1], tuner(), "nano")


def test_a_preference_pair_counts_both_answers() -> None:
    pair = [example(rejected="r" * 400), example(1)]  # the second has no rejected answer: it is not sent
    alone = estimate(pair[:1], tuner(method="supervised"), "nano").tokens.likely
    both = estimate(pair, tuner(method="preference"), "nano").tokens.likely
    assert both - alone == 3 * 400 / 4


def test_where_time_is_billed_the_bound_is_the_longest_time() -> None:
    hourly = tuner(method="reinforcement", max_hours=5, price=price(usd_per_million_tokens=None, usd_per_hour=100))
    found = estimate([example()], hourly, "nano")
    assert (found.usd.most, found.hours) == (500, 5)


def test_an_unknown_price_is_refused_with_the_place_to_write_it() -> None:
    with pytest.raises(BudgetError, match="unknown cost") as refused:
        estimate([example()], tuner(price=None), "nano")
    assert refused.value.where == "tuning.yaml, tuners.nano.price"


@given(st.integers(1, 10**10), st.decimals("0.01", "500", places=2))
def test_a_job_costs_what_the_vendor_counted_to_the_nano_dollar(tokens: int, rate: object) -> None:
    usd = float(rate)  # type: ignore[arg-type]
    state = JobState(state="succeeded", trained_tokens=tokens)
    cost = charged(state, price(usd_per_million_tokens=usd), held=7)
    assert abs(dollars(cost) - tokens * usd / 1e6) <= 1e-9 + 1e-12 * tokens * usd


def test_time_is_charged_to_the_second() -> None:
    state = JobState(state="succeeded", trained_seconds=5400.0)
    hourly = price(usd_per_million_tokens=None, usd_per_hour=100.0)
    assert charged(state, hourly, held=0) == nanos(150.0)


def test_where_the_vendor_counts_nothing_all_that_was_held_is_charged() -> None:
    assert charged(JobState(state="failed"), price(), held=123) == 123


def test_a_job_that_was_never_sent_costs_nothing() -> None:
    assert charged(JobState(state="cancelled", trained_tokens=0, trained_seconds=0.0), price(), held=123) == 0


@given(st.integers(1, 40), st.integers(1, 10))
def test_what_is_held_covers_what_is_likely(count: int, epochs: int) -> None:
    found = estimate([example(n) for n in range(count)], tuner(epochs=epochs), "nano")
    assert to_hold(found) >= nanos(found.usd.likely)
