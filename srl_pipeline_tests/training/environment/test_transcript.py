from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.canonical import dumps, normalise
from srl_pipeline.contracts import Step
from srl_pipeline.training.environment.transcript import (
    MAX_CHARACTERS,
    Episode,
    FormatError,
    body,
    ends,
    heading,
    parse,
    parse_action,
    parse_body,
    write,
)

TITLES = ["Materials", "Massing", "Interior by day"]
STEPS = [
    Step(title=TITLES[0], reasoning="Karst quarries {lime}stone.", action={"roof": "slate", "stone": "limestone"}),
    Step(title=TITLES[1], reasoning="", action={"floors": 3, "span": 6.5}),
    Step(title=TITLES[2], reasoning="## 3. looks like a heading", action={"rooms": ["hall", "loft"], "fire": True}),
]
TEXT = write(STEPS)
BEGUN = heading(0, TITLES[0])
NEVER = 10**9
"""More actions than any text has: `ends` is true for it only when the format is broken."""

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=40).map(str.strip)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
steps = st.builds(
    lambda reasoning, action: (reasoning, action), words, st.dictionaries(words, values, min_size=1, max_size=4)
)


def mutated(rng: random.Random, text: str) -> str:
    """``text`` with one to four random edits."""
    alphabet = '{}[]":,\n #<>/think0123.aé\u2028\t\r\\'
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        match rng.randrange(6):
            case 0:
                text = text[:at] + text[at + 1 :]
            case 1:
                text = text[:at] + rng.choice(alphabet) + text[at:]
            case 2:
                text = text[:at] + text[at:to] * 2 + text[to:]
            case 3:
                text = text[:at] + text[to:]
            case 4:
                piece = rng.choice(["\n", "\n\n", "## 2. ", "<think>", "</think>\n", "{}", "NaN", " "])
                text = text[:at] + piece + text[at:]
            case _:
                lines = text.split("\n")
                rng.shuffle(lines)
                text = "\n".join(lines)
    return text


def reads_strictly(text: str) -> bool:
    """An independent reading of the grammar: line by line, by a regular expression and a plain JSON decoder."""
    lines = text.rstrip().split("\n")
    for index, title in enumerate(TITLES):
        if not lines or lines.pop(0) != f"## {index + 1}. {title}":
            return False
        if lines and re.fullmatch(r"<think>.*</think>\s*", lines[0]):
            lines.pop(0)
        if not lines or not isinstance(json.loads(lines.pop(0)), dict):
            return False
    return not lines


@given(st.lists(steps, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_back(written: list[tuple[str, dict[str, Any]]]) -> None:
    titles = [f"Step {i}" for i in range(len(written))]
    given_steps = [Step(title=t, reasoning=r, action=a) for t, (r, a) in zip(titles, written, strict=True)]
    episode = parse(write(given_steps), titles)
    assert episode.error is None
    assert [(s.title, s.reasoning) for s in episode.steps] == [(s.title, s.reasoning) for s in given_steps]
    assert [normalise(s.action) for s in episode.steps] == [normalise(s.action) for s in given_steps]


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert parse(text, TITLES).error is not None
    assert isinstance(parse_body(text, 0, TITLES[0]), (Step, FormatError))
    assert ends(text, 1) in (True, False)


def test_ten_thousand_mutated_transcripts_are_read_and_only_strict_ones_accepted() -> None:
    rng = random.Random(11)
    accepted = 0
    for _ in range(10_000):
        text = mutated(rng, TEXT)
        episode = parse(text, TITLES)
        assert [s.title for s in episode.steps] == TITLES[: len(episode.steps)]
        if episode.error is None:
            accepted += 1
            assert len(episode.steps) == len(TITLES) and reads_strictly(text), text
        else:
            assert episode.error.step == len(episode.steps) or "after the last" in episode.error.reason
    assert 100 < accepted < 9_000  # the loop saw both kinds


@pytest.mark.parametrize(
    "line",
    [
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":[{"b":1,"b":2}]}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":-Infinity}',
        '{"a":1e999}',
        '{"a":' + "[" * 100 + "]" * 100 + "}",
        '{"a":' * 60 + "1" + "}" * 60,
        '{"a":' + "[" * 5000 + "]" * 5000 + "}",
        '{"a":' + "9" * 5000 + "}",
        '{"a":-' + "9" * 400 + "}",
        ' {"a":1}',
        '["a"]',
        "3",
        "null",
        '"a"',
        "",
        "{",
        '{"a":1} {"b":2}',
        '{"a":1}, but',
        "{'a':1}",
        '{"a":1,}',
    ],
    ids=lambda line: line[:24],
)
def test_a_line_that_is_no_strict_json_object_is_no_action(line: str) -> None:
    assert isinstance(parse_action(line), str)


def test_whether_an_action_is_too_deep_does_not_depend_on_the_call_stack() -> None:
    def verdicts(frames: int) -> list[bool]:
        if frames:
            return verdicts(frames - 1)
        lines = ['{"a":' + "[" * depth + "]" * depth + "}" for depth in (2, 8, 50, 200, 400)]
        return [isinstance(parse_action(line), str) for line in lines]

    assert verdicts(0) == verdicts(300)


@pytest.mark.parametrize(
    "text",
    [
        TEXT + "The end.\n",
        TEXT + "## 4. More\n{}\n",
        TEXT + "{}\n",
        TEXT[len(BEGUN) :],
        TEXT.replace("## 2. Massing\n", ""),
        TEXT.replace("## 2. Massing", "## 2. Masses"),
        TEXT.replace("## 2. Massing", "## 3. Massing"),
        TEXT.replace("## 2. Massing", "## 2. Massing "),
        TEXT.replace("## 2. Massing", "# 2. Massing"),
        TEXT.replace("## 2. Massing\n", "\n## 2. Massing\n"),
        TEXT.replace("## 2. Massing\n", "## 2. Massing\n\n"),
        "\n" + TEXT,
        write(STEPS[:2]),
        write([STEPS[1], STEPS[0], STEPS[2]]),
        TEXT.replace("</think>", "", 1),
        TEXT.replace("<think>", "<think>\n", 1),
        "",
    ],
)
def test_an_episode_that_is_not_exactly_the_steps_is_an_error(text: str) -> None:
    assert parse(text, TITLES).error is not None


def test_text_that_follows_beyond_the_length_limit_is_still_text_after_the_last_step() -> None:
    assert parse(TEXT + "\n" * MAX_CHARACTERS + "junk", TITLES).error is not None


def test_the_steps_before_an_error_are_kept() -> None:
    episode = parse(TEXT.replace('{"floors"', '{"floors'), TITLES)
    assert [s.title for s in episode.steps] == TITLES[:1] and episode.error and episode.error.step == 1


def test_an_error_says_which_step_and_why() -> None:
    error = parse(TEXT.replace("Interior by day", "Interior"), TITLES).error
    assert error == FormatError(2, "expected the heading '## 3. Interior by day'")


def test_a_missing_last_line_end_is_accepted_since_generation_stops_there() -> None:
    assert parse(TEXT.rstrip("\n"), TITLES).error is None


def test_equal_actions_have_equal_text_whatever_the_order_and_number_format() -> None:
    left = Step(title="a", reasoning="", action={"b": 3.0, "a": [1, 2.50]})
    right = Step(title="a", reasoning="", action={"a": [1.0, 2.5], "b": 3})
    assert body(left) == body(right)


def test_generation_ends_exactly_when_the_asked_number_of_actions_is_written() -> None:
    generated = TEXT[len(BEGUN) :]
    ends_at = [i + 1 for i, c in enumerate(generated) if c == "\n"]
    for actions in (1, 2, 3):
        complete = [len(parse(BEGUN + generated[:end], TITLES).steps) >= actions for end in ends_at]
        assert [ends(generated[:end], actions) for end in ends_at] == complete
        assert True in complete and False in complete


def test_generation_of_a_valid_transcript_is_never_broken_off() -> None:
    generated = TEXT[len(BEGUN) :]
    assert not any(ends(generated[:end], NEVER) for end in range(len(generated)))


@pytest.mark.parametrize("begun", ["Karst Hollow", " {", "<thinking", "<b", "##", "- stone"])
def test_a_line_that_begins_like_no_step_ends_generation_before_it_is_complete(begun: str) -> None:
    assert ends(begun, NEVER)


@pytest.mark.parametrize("begun", ["", "<", "<think", "<think>The", "{", '{"sto'])
def test_a_line_that_may_still_become_a_step_goes_on(begun: str) -> None:
    assert not ends(begun, NEVER)


def first_break(generated: str) -> int | None:
    """Where `ends` breaks generation off because the format is wrong."""
    at = (end for end in range(len(generated) + 1) if ends(generated[:end], NEVER))
    return next(at, None)


def test_what_is_broken_off_could_not_have_become_valid() -> None:
    rng = random.Random(12)
    rests = ["", "\n", "{}\n", '</think>\n{"a":1}\n', *(TEXT[i + 1 :] for i, c in enumerate(TEXT) if c == "\n")]
    broken = 0
    for _ in range(1_500):
        generated = mutated(rng, TEXT[len(BEGUN) :])
        at = first_break(generated)
        if at is None:
            continue
        broken += 1
        for rest in [generated[at:], *rests]:
            episode = parse(BEGUN + generated[:at] + rest, TITLES)
            assert episode.error is not None, generated[:at] + "|" + rest
    assert broken > 500


def test_a_single_step_that_is_broken_off_could_not_have_become_valid() -> None:
    rng = random.Random(13)
    whole = body(STEPS[0])
    broken = 0
    for _ in range(3_000):
        generated = mutated(rng, whole)
        at = first_break(generated)
        if at is None or (ends(generated[:at], 1) and "\n{" in f"\n{generated[:at]}"):
            continue  # complete, or ended by its action
        broken += 1
        for rest in (generated[at:], whole, '{"a":1}\n'):
            assert isinstance(parse_body(generated[:at] + rest, 0, TITLES[0]), FormatError), generated[:at] + "|" + rest
    assert broken > 200


def test_the_episode_record_has_no_error_only_when_all_steps_are_there() -> None:
    assert parse(TEXT, TITLES) == Episode(STEPS, None)


def test_an_empty_list_of_steps_is_an_empty_text() -> None:
    assert write([]) == "" and parse("", []) == Episode([], None)


def test_the_canonical_action_is_one_line() -> None:
    assert "\n" not in dumps({"a": "x\ny"})
