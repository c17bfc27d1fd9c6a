"""Rules that exclude each other are named; what is not proved is not claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.teachers.search import conflicts
from srl_pipeline.teachers.search import teacher as search
from srl_pipeline.teachers.search.conflicts import Conflict, Solvable, Undecided, find_conflict
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.teachers.tiny import first_scenario, rule, soft, tiny_pack

CLASH = [rule("low", "artefact.a == 'x'"), rule("match", "artefact.a == artefact.b"), rule("high", "artefact.b == 'z'")]
OTHERS = [
    rule("fine", "artefact.a != 'q'"),
    rule("also-fine", "artefact.c != artefact.a"),
    soft("mild", "artefact.a == 'y'"),
]


def clashing(folder: Path) -> Pack:
    return tiny_pack(folder / "p", [{"a": "xyz"}, {"b": "xyz", "c": "xyz"}], [OTHERS[0], *CLASH, *OTHERS[1:]])


def conflict(pack: Pack, **bounds: Any) -> Conflict | Solvable | Undecided:
    return find_conflict(Verifier(pack), first_scenario(pack), **bounds)


def error(pack: Pack) -> TeacherError:
    with pytest.raises(TeacherError) as caught:
        SearchTeacher(Verifier(pack)).solve(first_scenario(pack), "")
    return caught.value


def test_exactly_the_rules_that_exclude_each_other_are_found(tmp_path: Path) -> None:
    found = conflict(clashing(tmp_path))
    assert isinstance(found, Conflict)
    assert [r.id for r in found.rules] == ["low", "match", "high"]
    assert found.minimal


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_without_any_one_of_them_there_is_no_conflict(tmp_path: Path, left_out: int) -> None:
    rules = [r for i, r in enumerate(CLASH) if i != left_out]
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz"}, {"b": "xyz", "c": "xyz"}], [*rules, *OTHERS])
    assert isinstance(conflict(pack), Solvable)


def test_of_two_contradictions_one_is_named_and_never_a_mixture(tmp_path: Path) -> None:
    rules = [rule("p", "artefact.a == 'x'"), rule("q", "artefact.b == 'x'")]
    rules += [rule("not-p", "artefact.a != 'x'"), rule("not-q", "artefact.b != 'x'")]
    found = conflict(tiny_pack(tmp_path / "p", [{"a": "xy", "b": "xy"}], rules))
    assert isinstance(found, Conflict)
    assert {r.id for r in found.rules} in ({"p", "not-p"}, {"q", "not-q"})


def test_soft_rules_never_conflict(tmp_path: Path) -> None:
    rules = [soft("p", "artefact.a == 'x'"), soft("q", "artefact.a != 'x'")]
    assert isinstance(conflict(tiny_pack(tmp_path / "p", [{"a": "xy"}], rules)), Solvable)


def test_a_budget_that_ends_before_the_proof_leaves_the_question_open(tmp_path: Path) -> None:
    assert isinstance(conflict(clashing(tmp_path), judgements=3), Undecided)


def test_a_budget_that_ends_after_the_proof_names_the_rules_without_claiming_that_all_are_needed(
    tmp_path: Path,
) -> None:
    pack = clashing(tmp_path)
    found = [conflict(pack, judgements=n) for n in range(1, 200)]
    kinds = [(type(f), isinstance(f, Conflict) and f.minimal) for f in found]
    first = kinds.index((Conflict, False))
    assert {k for k, _ in kinds[:first]} == {Undecided}
    assert kinds[-1] == (Conflict, True)


def test_the_error_names_each_rule_with_file_and_line_and_the_scenario(tmp_path: Path) -> None:
    pack = clashing(tmp_path)
    told = error(pack)
    assert told.what == (
        "No artefact satisfies the hard rules of this scenario: "
        "rules 'low', 'match' and 'high' exclude each other (proved)."
    )
    lines = (tmp_path / "p" / "rules.yaml").read_text().splitlines()
    for name in ("low", "match", "high"):
        place = pack.place("rule", name, "assert")
        assert f"{name}: {place}" in told.where
        assert lines[int(place.rpartition(":")[2]) - 1].strip().startswith("assert")
    assert first_scenario(pack).id in told.where


def test_a_rule_that_nothing_can_obey_is_named_alone(tmp_path: Path) -> None:
    told = error(tiny_pack(tmp_path / "p", [{"a": "xy"}], [rule("never", "artefact.a == 'q'")]))
    assert "rule 'never' alone excludes every artefact (proved)" in told.what


def test_a_proof_without_time_to_make_it_small_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = clashing(tmp_path)
    enough = next(n for n in range(1, 200) if isinstance(conflict(pack, judgements=n), Conflict))
    monkeypatch.setattr(conflicts.find_conflict, "__defaults__", (enough, 5.0))
    assert "exclude each other, perhaps fewer of them already (proved)" in error(pack).what


def test_what_is_not_proved_is_told_as_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflicts.find_conflict, "__defaults__", (1, 5.0))
    told = error(clashing(tmp_path))
    assert "not proved" in told.what
    assert "(proved)" not in told.what


def test_a_solution_that_the_expert_missed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_EXPANSIONS", 1)
    told = error(tiny_pack(tmp_path / "p", [{"a": "xy"}, {"b": "xy"}], [rule("same", "artefact.b == artefact.a")]))
    assert "one satisfies all hard rules" in told.what
    assert "{'a': 'x', 'b': 'x'}" in told.what


def test_a_step_that_is_too_large_ends_the_search_and_not_the_explanation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srl_pipeline.teachers.search.step_search.MAX_NODES", 2)
    assert "rules 'low', 'match' and 'high' exclude each other" in error(clashing(tmp_path)).what
