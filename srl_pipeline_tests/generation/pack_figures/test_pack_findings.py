"""What is out of the ordinary is said in one sentence; what is not is not said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from srl_pipeline.generation.pack_figures.pack_findings import findings
from srl_pipeline.generation.pack_figures.pack_statistics import Share
from srl_pipeline_tests.generation.pack_figures.figures import FIELD, RULE, houses


def test_nothing_is_said_of_a_pack_in_which_nothing_stands_out() -> None:
    assert findings(houses()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"applies": 0.0, "changed": 0.0, "alone": 0.0}, "applied to none of the expert's solutions"),
        ({"applies": 0.015}, "applied to only 1.5 %"),
        ({"changed": 0.0, "alone": 0.0}, "is broken by no single wrong field"),
        ({"alone": 0.0, "implied": True}, "follows from the other hard rules"),
    ],
)
def test_a_rule_that_stands_out_is_named_once(changed: dict[str, Any], said: str) -> None:
    [line] = findings(houses(rules=[RULE, replace(RULE, rule="odd", **changed)]))
    assert line.startswith("Rule `odd` ")
    assert said in line


def test_a_rule_that_breaks_alone_in_other_ways_is_not_named() -> None:
    assert findings(houses(rules=[replace(RULE, alone=0.0, implied=False)])) == []


def test_a_rule_that_could_not_be_measured_is_not_judged() -> None:
    assert findings(houses(rules=[replace(RULE, applies=None, changed=None, alone=None)])) == []


def test_a_field_that_nothing_looks_at_is_named() -> None:
    assert findings(houses(fields=[replace(FIELD, noticed=0.0)])) == [
        "Field `stone` may be anything: no rule notices another value."
    ]


def test_words_that_are_never_written_are_named() -> None:
    [line] = findings(houses(fields=[replace(FIELD, unused=["flint", "tuff"])]))
    assert "`flint`, `tuff` in field `stone`" in line


@pytest.mark.parametrize(
    ("scenarios", "said"),
    [
        ({"drawn": 0.8}, "A training set leaves more than a tenth"),
        ({"held_out": 0.8}, "The evaluation set leaves more than a tenth"),
        ({"held_out": None}, "There is no evaluation set"),
        ({"bands": [980, 20, 0]}, "Only 20 of 1,000 random scenarios are medium."),
    ],
)
def test_scenarios_that_stand_out_are_told(scenarios: dict[str, Any], said: str) -> None:
    assert any(said in line for line in findings(houses(scenarios=scenarios)))


def test_what_goes_wrong_outright_comes_first() -> None:
    lines = findings(
        houses(
            scenarios={"held_out": None},
            expert={"solved": Share(198, 200, 0.96, 1.0), "failures": ["No artefact\n  where: rules.yaml:3"]},
            guessed=Share(400, 10_000, 0.036, 0.044),
        )
    )
    assert lines[0] == "The expert did not solve 2 of 200 scenarios; the first: No artefact where: rules.yaml:3"
    assert lines[1].startswith("Guessing passes 4.0 % of the time")
    assert lines[2] == "There is no evaluation set."
