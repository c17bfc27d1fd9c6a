"""The one canonical JSON and the one hash."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.canonical import digest, digest_bytes, digest_file, dumps, normalise, pretty, seed_of

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value, keys of objects in another order."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {k: shuffled(value[k], rng) for k in keys}
    return [shuffled(v, rng) for v in value] if isinstance(value, list) else value


@given(JSON)
def test_reading_canonical_text_and_writing_it_again_changes_nothing(value: Any) -> None:
    text = dumps(value)
    assert dumps(json.loads(text)) == text


@given(JSON)
def test_canonical_text_reads_back_as_the_normalised_value(value: Any) -> None:
    assert json.loads(dumps(value)) == normalise(value)


@given(JSON)
def test_normalising_twice_is_normalising_once(value: Any) -> None:
    assert normalise(normalise(value)) == normalise(value)


@pytest.mark.parametrize("value", [1e-11, -1e-11, 4.9e-11, 5e-11, -5e-11, 1.5e-10, 1 - 1e-11, 1e22])
def test_a_tiny_rest_is_the_same_however_often_it_is_normalised(value: float) -> None:
    once, twice = normalise(value), normalise(normalise(value))
    assert (twice, type(twice)) == (once, type(once))


@given(JSON, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_count(value: Any, rng: random.Random) -> None:
    assert dumps(shuffled(value, rng)) == dumps(value)


@given(JSON)
def test_readable_text_says_the_same_as_canonical_text(value: Any) -> None:
    assert dumps(json.loads(pretty(value))) == dumps(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (-0.0, "0"), (1e-12, "0"), (2.99999999999999, "3"), (0.1 + 0.2, "0.3"), (True, "true"), ("é", '"é"')],
)
def test_equal_numbers_have_equal_text(value: Any, text: str) -> None:
    assert dumps(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {1: "x"}, {"x": {2}}, object(), b"x"])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is not"):
        dumps([value])


def test_different_values_have_different_hashes() -> None:
    values = [None, True, False, 0, 1, "", "0", [], {}, [0], {"a": 0}, {"a": "0"}]
    assert len({digest(v) for v in values}) == len(values)


def test_a_file_hashes_like_its_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "f").write_bytes(data)
    assert digest_file(tmp_path / "f") == digest_bytes(data)


def test_seeds_depend_on_every_part_and_fit_in_63_bits() -> None:
    seeds = {seed_of("a", 1), seed_of("a", 2), seed_of("b", 1), seed_of("a1"), seed_of("a", "1")}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_seed_is_the_same_on_every_machine() -> None:
    assert seed_of("scenarios", "lanterns", 1) == 8820682490878606532
