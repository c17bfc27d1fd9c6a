"""The rule-hit matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from srl_pipeline.generation.pack_figures.field_changes import domains_of
from srl_pipeline.generation.pack_figures.implied_rules import implied
from srl_pipeline.generation.pack_figures.rule_hits import Guesses, RuleHits, guess, rule_hits
from srl_pipeline.model_types import Pack
from srl_pipeline.verification import ScenarioSpace, Verifier
from srl_pipeline_tests.generation.pack_figures.lanterns import changes_of, solved
from srl_pipeline_tests.teachers.tiny import rule, soft, tiny_pack

NOTHING_GUESSED = Guesses(1, 0, {})


def rows(pack: Pack, *axes: Mapping[str, str | float]) -> dict[str, RuleHits]:
    verifier = Verifier(pack)
    solutions = solved(verifier, *axes)
    changes = [c for own in changes_of(verifier, solutions) for c in own]
    return {r.rule: r for r in rule_hits(verifier, solutions, changes, NOTHING_GUESSED)}


def tiny_rows(folder: Path, fields: dict[str, Sequence[str]], rules: list[dict[str, Any]]) -> dict[str, RuleHits]:
    return rows(tiny_pack(folder / "p", [fields], rules), {"number": 1})


def test_a_rule_applies_where_its_condition_holds(scaffold_pack: Pack) -> None:
    gusty, calm = {"region": "highmarch", "bearer": "miner", "hours": 7}, {"region": "amber_vale", "bearer": "miner"}
    found = rows(scaffold_pack, gusty, calm | {"hours": 2}, calm | {"hours": 3}, calm | {"hours": 4})
    assert found["pane-stands-wind"].applies == 0.25
    assert found["fuel-is-local"].applies == 1.0


def test_shares_of_wrong_fields_are_their_chances(tmp_path: Path) -> None:
    found = tiny_rows(tmp_path, {"a": "wxyz", "b": "xy"}, [rule("one", "artefact.a in ['w', 'x']")])
    assert found["one"].changed == pytest.approx(1 / 2 * 2 / 3)
    assert found["one"].alone == pytest.approx(1 / 2 * 2 / 3)


def test_a_rule_that_never_breaks_alone_is_told_from_one_that_does(tmp_path: Path) -> None:
    rules = [rule("not-z", "artefact.a != 'z'"), rule("only-x", "artefact.a == 'x'")]
    found = tiny_rows(tmp_path, {"a": "xyz"}, rules)
    assert found["not-z"].changed == found["only-x"].alone == 0.5
    assert found["not-z"].alone == 0.0
    assert found["not-z"].implied is True
    assert found["only-x"].implied is None  # it breaks alone: there is nothing to prove


def test_a_rule_that_only_several_wrong_fields_break_alone_is_not_implied(tmp_path: Path) -> None:
    rules = [rule("a-is-x", "artefact.a == 'x'"), rule("same", "artefact.a == artefact.b")]
    found = tiny_rows(tmp_path, {"a": "xy", "b": "xy"}, rules)
    assert found["a-is-x"].alone == 0.0
    assert found["a-is-x"].implied is False


def test_a_soft_rule_is_never_the_only_hard_one(tmp_path: Path) -> None:
    found = tiny_rows(tmp_path, {"a": "xy"}, [soft("mild", "artefact.a == 'x'")])
    assert found["mild"].changed == 1.0
    assert found["mild"].alone is None


def test_without_a_scenario_nothing_is_proved_implied(tmp_path: Path) -> None:
    verifier = Verifier(tiny_pack(tmp_path / "p", [{"a": "xy"}], [rule("one", "artefact.a == 'x'")]))
    assert implied(verifier, verifier.rules.rules[0], []) is None


def test_without_solutions_what_rests_on_them_is_not_measured(scaffold_pack: Pack) -> None:
    [first, *_] = rule_hits(Verifier(scaffold_pack), [], [], NOTHING_GUESSED)
    assert (first.applies, first.changed, first.alone) == (None, None, None)


def test_guesses_break_rules_as_often_as_chance_has_it(scaffold_pack: Pack) -> None:
    space = ScenarioSpace(scaffold_pack)
    scenario = space.scenario({"region": "amber_vale", "bearer": "scribe", "hours": 24}, where="test")
    found = guess(Verifier(scaffold_pack), [scenario], domains_of(scaffold_pack), 6000, Random(3))
    assert found.broken["fuel-is-local"] / 6000 == pytest.approx(2 / 3, abs=0.03)
    assert found.broken["fillings-last"] / 6000 == pytest.approx(3 / 4, abs=0.03)
    assert "pane-stands-wind" not in found.broken  # the air of Amber Vale is still
    assert found.passed / 6000 == pytest.approx(1 / 3 / 4 / 3 / 3, abs=0.006)
