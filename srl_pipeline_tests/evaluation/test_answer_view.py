"""One answer as HTML: marks, verdict, reward."""

from __future__ import annotations

import re
from typing import Any

import pytest

from srl_pipeline.evaluation.answer_view import (
    MAX_TEXT,
    action_table,
    differing,
    figure,
    full_answer,
    outcome,
    signed,
    text_block,
)

from .step_builders import EXPERT, answer, violation, written


def marked(table: str) -> set[str]:
    return set(re.findall(r'<tr class="differs"><td>([^<]*)</td>', table))


@pytest.mark.parametrize(
    ("student", "expert", "fields"),
    [
        ({"a": 1, "b": "x"}, {"a": 1, "b": "x"}, set()),
        ({"a": 1.0, "b": "x"}, {"a": 1, "b": "x"}, set()),
        ({"a": True}, {"a": 1}, {"a"}),
        ({"a": "1"}, {"a": 1}, {"a"}),
        ({"a": 1}, {"a": 1, "b": None}, {"b"}),
        ({"a": 1, "c": 2}, {"a": 1}, {"c"}),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, {"a"}),
        ({}, {"a": 1, "b": 2}, {"a", "b"}),
    ],
)
def test_exactly_the_fields_that_differ_are_marked(
    student: dict[str, Any], expert: dict[str, Any], fields: set[str]
) -> None:
    assert differing(student, expert) == fields
    assert marked(action_table(student, expert)) == fields


def test_every_field_of_either_side_has_a_row_and_a_lacking_value_says_so() -> None:
    table = action_table({"stone": "flint", "spire": 2}, EXPERT)
    assert re.findall(r"<td>(\w+)</td>", table)[0] == "stone"
    assert '<td>storeys</td><td class="absent">missing</td><td>3</td>' in table
    assert '<td>spire</td><td>2</td><td class="absent">missing</td>' in table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("oil_lamp", "oil_lamp"),
        ("3", "&quot;3&quot;"),
        (3, "3"),
        ("true", "&quot;true&quot;"),
        (True, "true"),
        ("missing", "&quot;missing&quot;"),
        (" slate", "&quot; slate&quot;"),
        ("", "&quot;&quot;"),
        (["a", "b"], "[&quot;a&quot;,&quot;b&quot;]"),
        (None, "null"),
        ("<b>", "&quot;&lt;b&gt;&quot;"),
    ],
)
def test_values_that_differ_never_look_the_same(value: Any, shown: str) -> None:
    assert f"<td>{shown}</td>" in action_table({"f": value}, {})


def test_a_broken_rule_is_told_with_its_message_severity_and_name() -> None:
    soft = violation("Waste of <ground>.", severity="soft", rule_id="ground-is-used")
    told = full_answer(answer({"stone": "flint"}, violation(), soft))
    assert "Granite is not quarried here." in told and "Waste of &lt;ground&gt;." in told
    assert all(f">{word}<" in told for word in ("hard", "soft", "stone-is-local", "ground-is-used"))


def test_a_step_that_breaks_nothing_says_so() -> None:
    assert "every rule of this step holds" in full_answer(answer(EXPERT))


def test_the_parts_the_reward_and_the_advantage_are_rows() -> None:
    rows = re.findall(
        r"<tr[^>]*><td>(\w+)</td><td><svg.*?</svg></td><td>([^<]*)</td></tr>",
        full_answer(answer(EXPERT, advantage=-0.5)),
    )
    assert rows == [("fields", "0.25"), ("text", "0.75"), ("reward", "0.50"), ("advantage", "−0.50")]


def test_a_greedy_answer_has_no_advantage() -> None:
    assert "advantage" not in full_answer(answer(EXPERT))


def test_an_answer_that_cannot_be_read_shows_why_and_its_text_at_once() -> None:
    told = full_answer(answer(text="<think>oh", finished=False, tokens=40))
    assert "It cannot be read: the action is not a JSON object. It was cut off after 40 tokens." in told
    assert '<details class="written" open>' in told and "<pre>&lt;think&gt;oh</pre>" in told


def test_the_steps_before_an_error_are_shown_without_an_expert() -> None:
    steps = [written({"stone": "flint"}, thought="Flint lies <here>."), written({"roof": "reed"}, violation())]
    told = full_answer(answer(steps=steps, error="a blank line"))
    assert "Flint lies &lt;here&gt;." in told and "<i>roof</i>reed" in told
    assert "From here on it cannot be read: a blank line." in told and '<table class="action">' not in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(EXPERT), "as the expert"),
        (answer(nearest=None, correct=True, error="", steps=[written(EXPERT)]), "verified"),
        (answer(), "not readable"),
        (answer(finished=False), "cut off"),
        (answer({"a": 1}, violation()), "1 rule broken"),
        (answer({"a": 1}, violation(), violation()), "2 rules broken"),
        (answer({"a": 1}, violation(severity="soft")), "rules hold"),
    ],
)
def test_how_an_answer_fared_in_two_words(given: Any, words: str) -> None:
    assert f">{words}<" in outcome(given)


def test_a_step_of_the_wrong_form_is_not_called_a_broken_rule() -> None:
    step = written({"a": 1}, violation("Walls: a is not known", rule_id="schema"))
    wrong = step.model_copy(update={"result": step.result.model_copy(update={"structure_ok": False})})
    given = answer({"a": 1}).model_copy(update={"steps": [wrong]})
    assert ">wrong form<" in outcome(given) and "so no rule was checked" in full_answer(given)


def test_a_very_long_text_is_cut_and_says_by_how_much() -> None:
    shown = text_block("x" * (MAX_TEXT + 1234))
    assert shown.count("x") == MAX_TEXT and "… (1,234 characters more)" in shown


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0.00"), (-0.001, "0.00"), (0.5, "+0.50"), (-1.25, "−1.25")])
def test_figures_have_a_sign_unless_they_are_nothing(value: float, shown: str) -> None:
    assert signed(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (-1.0, "−1.00"), (-0.001, "0.00"), (0.126, "0.13")])
def test_figures_without_a_sign(value: float | None, shown: str) -> None:
    assert figure(value) == shown
