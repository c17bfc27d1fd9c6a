"""Canonical text tells apart what is different, and nothing else; whatever it is given, it writes JSON or refuses."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from srl_pipeline.canonical import digest, dumps, normalise, pretty, seed_of
from srl_pipeline_tests.profiles import examples

DECIMALS = 10
"""Decimals that canonical text keeps."""
NUMBERS = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, -0.0, 1.0, 1, 2**53, 1e22])
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=4) | st.sampled_from(["1", "true", "null", "[]", "a"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ANYTHING = st.recursive(
    SCALARS | st.floats() | st.binary(max_size=2) | st.complex_numbers() | st.dates() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.frozensets(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=5,
)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values say the same: numbers by value and to ten decimals, true is no number. Shares no code."""
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return round(left, DECIMALS) == round(right, DECIMALS)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return type(left) is type(right) and left == right


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two values, often nearly the same: one with a part of it exchanged."""
    left = draw(JSON)
    return left, draw(JSON | st.just(exchanged(draw, left)))


def exchanged(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: exchanged(draw, value[key])}
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], exchanged(draw, value[at]), *value[at + 1 :]]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return draw(st.sampled_from([float(value), value + 1, value + 1e-9, str(value), bool(value), [value]]))
    return draw(SCALARS)


@examples(120)
@given(pairs())
def test_two_values_have_the_same_text_exactly_when_they_say_the_same(pair: tuple[Any, Any]) -> None:
    left, right = pair
    assert (dumps(left) == dumps(right)) == same(left, right)
    assert (digest(left) == digest(right)) == same(left, right)


@examples(50)
@given(JSON)
def test_text_is_one_line_of_utf8_json_that_says_what_it_was_given(value: Any) -> None:
    text = dumps(value)
    assert "\n" not in text and same(json.loads(text), normalise(value))
    assert same(json.loads(pretty(value)), normalise(value))
    assert same(normalise(value), value)


@examples(80)
@given(ANYTHING)
def test_whatever_is_given_becomes_json_or_a_value_error(value: Any) -> None:
    try:
        text = dumps(value)
    except ValueError:
        return
    assert dumps(json.loads(text)) == text
    assert not holds(
        value, lambda v: isinstance(v, (bytes, complex)) or (isinstance(v, float) and not math.isfinite(v))
    )


def holds(value: Any, wanted: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return wanted(value) or any(holds(v, wanted) for v in inner)


@examples(40)
@given(st.lists(JSON, max_size=3), st.lists(JSON, max_size=3))
def test_seeds_of_other_parts_are_other_seeds(left: list[Any], right: list[Any]) -> None:
    assume(not same(left, right))
    assert seed_of(*left) != seed_of(*right)
