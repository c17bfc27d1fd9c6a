"""Compiled rules: when they are checked, what they say."""

from __future__ import annotations

import pytest

from srl_pipeline.model_types import Pack
from srl_pipeline.verification import Rule, Verifier, words


@pytest.fixture
def rules(scaffold_pack: Pack) -> dict[str, Rule]:
    return {rule.id: rule for rule in Verifier(scaffold_pack).rules.rules}


@pytest.mark.parametrize(
    ("rule", "step"),
    [("fuel-is-local", 0), ("soot-spares-pane", 1), ("pane-stands-wind", 1), ("colour-tells-bearer", 3)],
)
def test_a_rule_is_checked_when_the_last_step_that_it_reads_is_written(
    rules: dict[str, Rule], rule: str, step: int
) -> None:
    assert rules[rule].step == step


def test_a_rule_reads_the_fields_of_its_condition_too(rules: dict[str, Rule]) -> None:
    assert rules["soot-spares-pane"].fields == {"fuel", "pane"}


def test_a_rule_knows_whether_it_relates_the_lore(rules: dict[str, Rule]) -> None:
    assert rules["pane-stands-wind"].reads_facts
    assert not rules["fillings-last"].reads_facts


def test_a_message_calls_things_by_their_labels(scaffold_pack: Pack) -> None:
    verifier = Verifier(scaffold_pack)
    rule = next(r for r in verifier.rules.rules if r.id == "mount-fits-bearer")
    text = verifier.message(rule, {"bearer": "miner"}, {"bearer": {"mount": "hook"}}, {"mount": "pole"})
    assert text == "a miner cannot work with a pole; use a hook."


def test_what_is_absent_stays_visible_in_a_message(scaffold_pack: Pack) -> None:
    verifier = Verifier(scaffold_pack)
    assert verifier.message(verifier.rules.rules[0], {}, {}, {}) == "? is not sold in ?; burn ?."


@pytest.mark.parametrize(
    ("value", "text"), [("palm_thatch", "palm thatch"), (3.0, "3"), (True, "yes"), ([], "nothing"), (["a", 2], "a, 2")]
)
def test_values_are_told_as_prose(value: object, text: str) -> None:
    assert words(value) == text
