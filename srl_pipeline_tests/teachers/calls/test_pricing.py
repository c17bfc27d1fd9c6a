"""What a call costs, to the nano-dollar, and what it can cost at the most."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.config import BudgetConfig
from srl_pipeline.errors import BudgetError
from srl_pipeline.registry import Caps
from srl_pipeline.teachers.calls.pricing import caps_of, cost, input_bound, price_of, upper_bound
from srl_pipeline.teachers.calls.records import Usage
from srl_pipeline.teachers.catalog.spec import Price, TeacherEntry
from srl_pipeline_tests.teachers.calls.scripted import PRICE, call, entry

TODAY = date(2026, 11, 1)


def test_cached_input_is_billed_at_its_own_price() -> None:
    usage = Usage(input_tokens=1000, cached_input_tokens=400, output_tokens=10)
    assert cost(usage, PRICE) == 600 * 1000 + 400 * 500 + 10 * 2000


def test_without_a_price_of_its_own_cached_input_is_billed_as_input() -> None:
    price = Price(input=0.15, output=0.6, as_of=TODAY)
    assert cost(Usage(input_tokens=10, cached_input_tokens=10, output_tokens=0), price) == 1500


def test_prices_are_the_decimal_numbers_that_were_written() -> None:
    price = Price(input=0.1, output=0.7, as_of=TODAY)
    assert cost(Usage(input_tokens=3, output_tokens=1), price) == 1000


def test_a_part_of_a_nano_is_rounded_up() -> None:
    price = Price(input=0.00001, output=0.0, as_of=TODAY)
    assert cost(Usage(input_tokens=1, output_tokens=0), price) == 1


def test_a_batched_call_costs_its_share() -> None:
    assert cost(Usage(input_tokens=100, output_tokens=0), PRICE, batch=True) == 50_000


def test_a_local_model_is_free() -> None:
    local = TeacherEntry.model_construct(kind="transformers", model="m", price=None)
    assert price_of(local) is None
    assert cost(Usage(input_tokens=9, output_tokens=9), None) == upper_bound(call(), None) == 0


def test_an_unknown_price_is_not_paid() -> None:
    unpriced = entry().model_copy(update={"price": None})
    with pytest.raises(BudgetError, match="unknown cost is not paid"):
        price_of(unpriced)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300), st.integers(0, 100), st.booleans())
def test_a_call_of_one_token_a_byte_costs_no_more_than_its_bound(text: str, output: int, batch: bool) -> None:
    question = call(text)
    tokens = len(question.system.encode()) + len(text.encode())
    usage = Usage(input_tokens=tokens, output_tokens=output)
    assert cost(usage, PRICE, batch=batch) <= upper_bound(question, PRICE, batch=batch)


def test_the_schema_counts_towards_the_bound() -> None:
    plain = call()
    held_to = plain.model_copy(update={"answer_schema": {"type": "object", "description": "x" * 5000}})
    assert input_bound(held_to) > input_bound(plain) + 5000


def test_the_bound_holds_where_cached_input_is_the_dearer_one() -> None:
    odd = Price(input=1.0, output=0.0, cached_input=9.0, as_of=TODAY)
    assert upper_bound(call(), odd) == input_bound(call()) * 9000


def test_the_caps_of_a_configuration() -> None:
    budget = BudgetConfig(month_usd=10, run_usd=0.5, vendor_month_usd={"openai": 3})
    assert caps_of(budget, "openai") == Caps(month=10 * 10**9, vendor_month=3 * 10**9, run=5 * 10**8)
    assert caps_of(BudgetConfig(model_type_month_usd=1), "gemini") == Caps(month=0, model_type_month=10**9)
