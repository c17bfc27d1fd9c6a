"""The grammar holds of any text: what is read is written the same, and nothing unfinished, odd or huge is accepted."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from srl_pipeline.canonical import normalise
from srl_pipeline.contracts import Step
from srl_pipeline.training.environment.transcript import (
    MAX_CHARACTERS,
    FormatError,
    body,
    ends,
    heading,
    parse,
    parse_body,
    write,
)
from srl_pipeline_tests.profiles import examples

TITLE = "Materials"
ANY = st.text(st.characters(), max_size=60)  # halves of characters and control characters too
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=16)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | LINE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINE, inner, max_size=3),
    max_leaves=4,
)
ACTIONS = st.dictionaries(LINE, VALUES, max_size=4)
STEPS = st.builds(lambda r, a: Step(title=TITLE, reasoning=r, action=a), LINE.map(str.strip), ACTIONS)
GRAMMAR = ["<think>", "</think>", "\n", "{", "}", '{"a":1}', '{"a":"\\ud83d"}', '{"\\ude00":1}', "## 1. ", TITLE]
ODD = ["\u2028", "\x85", "\x1c", "\r", "\t", "\x00", "\ud800", "NaN", '"', ":", ",", " ", "\\", "1e999", "1e308", "𝟙"]
PIECES = st.sampled_from([*GRAMMAR, *ODD])
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")])
NEARLY = st.lists(PIECES | ANY.map(lambda text: text[:3]), max_size=12).map("".join)
"""Text made of the grammar's own pieces: more of it is nearly right."""


def read(text: str) -> Step | FormatError:
    return parse_body(text, 0, TITLE)


@examples(40)
@given(STEPS)
def test_a_step_that_is_written_is_read_back(step: Step) -> None:
    assume(not any(huge(value) for value in numbers(step.action)))
    found = read(body(step))
    assert isinstance(found, Step), found
    assert (found.reasoning, normalise(found.action)) == (step.reasoning, normalise(step.action))


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for inner in value.values() for n in numbers(inner)]
    if isinstance(value, list):
        return [n for inner in value for n in numbers(inner)]
    return [value] if isinstance(value, (int, float)) else []


def huge(number: float) -> bool:
    """An integer that is no double, which the grammar refuses."""
    try:
        return math.isinf(float(number))
    except OverflowError:
        return True


@st.composite
def loosely_written(draw: st.DrawFn) -> str:
    """A step as a model may write it: other blanks, other escapes, perhaps a piece too many somewhere."""
    loose = json.dumps(draw(ACTIONS), ensure_ascii=draw(st.booleans()), separators=draw(SEPARATORS))
    blank = draw(st.sampled_from(["", " ", "\t", "\u2028", "\x85", "\x1c"]))
    text = f"<think>{blank}{draw(LINE)}{blank}</think>{blank}\n{loose}{blank}" if draw(st.booleans()) else loose
    at = draw(st.integers(0, len(text)))
    return text[:at] + (draw(PIECES) if draw(st.booleans()) else "") + text[at:]


@examples(120)
@given(loosely_written())
def test_what_is_read_is_written_the_same_and_can_be_stored(text: str) -> None:
    found = read(text)
    if isinstance(found, FormatError):
        return  # a piece too many
    again = body(found)
    again.encode("utf-8")  # as files and databases take it
    second = read(again)
    assert isinstance(second, Step) and body(second) == again
    assert (second.reasoning, normalise(second.action)) == (found.reasoning, normalise(found.action))
    assert parse(heading(0, TITLE) + again, [TITLE]).steps == [second]


@examples(100)
@given(NEARLY | ANY, st.integers(1, 3))
def test_any_text_is_read_without_an_exception(text: str, actions: int) -> None:
    assert isinstance(read(text), (Step, FormatError))
    episode = parse(text, [TITLE, TITLE])
    assert (episode.error is None) == (len(episode.steps) == 2)
    assert ends(text, actions) in (True, False)


@examples(30)
@given(STEPS, st.data())
def test_a_step_that_is_cut_off_anywhere_is_no_step(step: Step, data: st.DataObject) -> None:
    whole = write([step]).rstrip("\n")
    assume(not any(huge(value) for value in numbers(step.action)))
    end = data.draw(st.integers(0, len(whole) - 1))
    cut = parse(whole[:end], [TITLE])
    assert cut.steps == [] and cut.error is not None
    assert isinstance(read(body(step).rstrip("\n")[:end]), FormatError) or end >= len(body(step)) - 1


HUGE = {
    "one key many times": '{"a":1' + ',"a":1' * 200_000,
    "objects in objects": '{"a":' * 200_000,
    "lists in lists": '{"a":' + "[" * 1_000_000,
    "a thought without an end": "<think>" * 150_000,
    "ends of thoughts": "<think>" + "</think> " * 100_000 + "x",
    "blanks before the end of a thought": "<think>" + " " * 1_000_000 + "</think>x",
    "blanks after a thought": "<think></think>" + " " * 1_000_000 + "x\n{}",
    "lines": "\n" * 1_000_000,
    "headings": "## 1. Materials\n" * 60_000,
    "actions": "{}\n" * 300_000,
    "quotes": '{"a":"' + '\\"' * 500_000,
    "digits": '{"a":' + "9" * 1_000_000 + "}",
}


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("size", [MAX_CHARACTERS, 1_000_000])
def test_a_huge_text_is_refused_at_once(name: str, size: int) -> None:
    text = HUGE[name][:size]
    began = time.process_time()
    assert isinstance(read(text), FormatError)
    assert parse(heading(0, TITLE) + text, [TITLE]).error is not None
    assert ends(text, 10**9) in (True, False)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("escaped", ["\\ud800", "\\udfff", "\\ude00\\ud83d"])
def test_half_a_character_is_no_action_since_no_file_could_take_it(escaped: str) -> None:
    for line in (f'{{"a":"{escaped}"}}', f'{{"{escaped}":1}}', f'{{"a":[{{"b":"x{escaped}"}}]}}'):
        assert isinstance(read(line), FormatError)


def test_half_a_character_in_a_monologue_is_a_format_error() -> None:
    assert isinstance(read('<think>\ud800</think>\n{"a":1}'), FormatError)


def test_an_escaped_pair_is_the_character_that_it_is() -> None:
    found = read('{"a":"\\ud83d\\ude00"}')
    assert isinstance(found, Step) and found.action == {"a": "😀"}


def test_an_action_whose_canonical_text_is_too_long_to_be_read_again_is_refused() -> None:
    line = '{"a":[' + ",".join(["1e308"] * 3_000) + "]}"
    assert len(line) < MAX_CHARACTERS
    assert isinstance(read(line), FormatError)
