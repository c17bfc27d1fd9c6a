"""How many values of a field are right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.generation.pack_figures import field_freedom as module
from srl_pipeline.generation.pack_figures.field_changes import domains_of
from srl_pipeline.generation.pack_figures.field_freedom import FieldFreedom, field_freedom, possible_values
from srl_pipeline.model_types import Pack
from srl_pipeline.verification import Verifier, split_actions
from srl_pipeline_tests.generation.pack_figures.lanterns import changes_of, solved
from srl_pipeline_tests.teachers.tiny import rule, soft, tiny_pack


def freedom(
    folder: Path, steps: list[dict[str, Sequence[str]]], rules: list[dict[str, Any]]
) -> dict[str, FieldFreedom]:
    verifier = Verifier(tiny_pack(folder / "p", steps, rules))
    solutions = solved(verifier, {"number": 1}, {"number": 2})
    return {f.field: f for f in field_freedom(verifier, solutions, changes_of(verifier, solutions), probed=1)}


def test_one_right_answer_is_told_from_many(tmp_path: Path) -> None:
    rules = [rule("x", "artefact.a == 'x'"), rule("not-z", "artefact.b != 'z'"), soft("mild", "artefact.c == 'x'")]
    found = freedom(tmp_path, [{"a": "wxyz", "b": "wxyz", "c": "wxyz", "d": "wxyz"}], rules)
    rows = {n: (f.best, f.valid, f.possible) for n, f in found.items()}
    assert rows == {"a": (1, 1, 1), "b": (3, 3, 3), "c": (1, 4, 4), "d": (4, 4, 4)}


def test_values_that_need_another_field_to_follow_are_possible_but_not_valid_alone(tmp_path: Path) -> None:
    found = freedom(tmp_path, [{"a": "xyz"}, {"b": "xyz"}], [rule("same", "artefact.a == artefact.b")])
    assert (found["a"].valid, found["a"].possible) == (1, 3)


def test_what_no_rule_notices_is_told(tmp_path: Path) -> None:
    found = freedom(tmp_path, [{"a": "xy", "b": "xyz"}], [rule("not-z", "artefact.b != 'z'")])
    assert found["a"].noticed == 0.0
    assert found["b"].noticed == 0.5


def test_words_that_the_expert_never_writes_are_named(tmp_path: Path) -> None:
    rules = [rule("by-number", "artefact.a == (scenario.number == 1 ? 'x' : 'y')")]
    found = freedom(tmp_path, [{"a": "xyz"}], rules)
    assert (found["a"].used, found["a"].unused) == (2, ["z"])


def test_a_field_that_cannot_be_decided_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JUDGEMENTS", 1)
    found = freedom(tmp_path, [{"a": "xyz"}, {"b": "xyz"}], [rule("same", "artefact.a == artefact.b")])
    assert found["a"].possible is None
    assert found["a"].valid == 1


def test_possible_values_are_those_of_all_valid_artefacts(scaffold_pack: Pack) -> None:
    verifier, domains = Verifier(scaffold_pack), domains_of(scaffold_pack)
    [(scenario, artefact)] = solved(verifier, {"region": "sunken_fen", "bearer": "ferryman", "hours": 13})
    valid = [
        found
        for chosen in product(*domains.values())
        if verifier.verify(
            scenario, split_actions(scaffold_pack, found := dict(zip(domains, chosen, strict=True)))
        ).correct
    ]
    expected = {name: len({repr(found[name]) for found in valid}) for name in domains}
    assert possible_values(verifier, scenario, artefact, domains, []) == expected


def test_without_solutions_there_are_no_rows(scaffold_pack: Pack) -> None:
    assert field_freedom(Verifier(scaffold_pack), [], [], probed=5) == []
