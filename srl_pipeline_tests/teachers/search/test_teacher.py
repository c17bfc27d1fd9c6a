"""The search teacher: the best by soft cost, ties by brief, then lore, then schema; never by chance."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.contracts import Action
from srl_pipeline.errors import TeacherError
from srl_pipeline.generation.dialogue import soft_cost
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import Rejection, SearchTeacher, Task
from srl_pipeline.teachers.search.teacher import prefer
from srl_pipeline.verification import ScenarioSpace, Verifier, artefact_of
from srl_pipeline_tests.teachers.tiny import BUNDLE, first_scenario, rule, soft, tiny_pack


def plans(pack: Pack, lore: str = "", keep: int = 1) -> list[tuple[float, dict[str, Any]]]:
    found = SearchTeacher(Verifier(pack)).solve(first_scenario(pack), lore, keep)
    return [(cost, artefact_of(actions)) for cost, actions in found]


def answer(pack: Pack, lore: str = "") -> dict[str, Any]:
    return plans(pack, lore)[0][1]


def test_the_answer_obeys_hard_rules_over_steps(tmp_path: Path) -> None:
    rules = [rule("same", "artefact.b == artefact.a"), rule("last", "artefact.a == 'z'")]
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz"}, {"b": "xyz"}], rules)
    assert plans(pack) == [(0.0, {"a": "z", "b": "z"})]


def test_the_answer_is_the_one_that_the_soft_rules_score_best(tmp_path: Path) -> None:
    rules = [soft("x", "artefact.a == 'x'", 1.0), soft("y", "artefact.a == 'y'", 3.0)]
    assert plans(tiny_pack(tmp_path / "p", [{"a": "xyz"}], rules)) == [(1.0, {"a": "y"})]


def test_a_soft_cost_is_paid_early_when_it_saves_more_later(tmp_path: Path) -> None:
    rules = [soft("x", "artefact.a == 'x'", 1.0), soft("other", "artefact.b != artefact.a || artefact.a != 'x'", 4.0)]
    pack = tiny_pack(tmp_path / "p", [{"a": "xy"}, {"b": "xy"}], [*rules, rule("b", "artefact.b == 'x'")])
    assert plans(pack) == [(1.0, {"a": "y", "b": "x"})]


def test_a_dead_end_is_left_by_going_back_a_step(tmp_path: Path) -> None:
    rules = [rule("never", "artefact.b == 'x' && artefact.a == 'z'")]
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz"}, {"b": "xyz"}], rules)
    assert answer(pack) == {"a": "z", "b": "x"}


def test_a_dead_end_is_left_though_the_way_out_is_the_last_of_many_actions(tmp_path: Path) -> None:
    rules = [rule("only", "artefact.b == 'a' && artefact.a == 'l'")]
    assert answer(tiny_pack(tmp_path / "p", [{"a": "abcdefghijkl"}, {"b": "ab"}], rules)) == {"a": "l", "b": "a"}


LAWS = st.tuples(
    st.sampled_from("abcd"), st.sampled_from(["==", "!="]), st.sampled_from("abcd"), st.sampled_from("xyz")
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(LAWS, LAWS, st.sampled_from([0.0, 1.0, 2.0, 5.0])), min_size=1, max_size=8))
def test_no_answer_has_a_lower_soft_cost_than_the_one_given(drawn: list[Any]) -> None:
    def text(law: Any) -> str:
        field, sign, other, value = law
        return f"artefact.{field} {sign} " + (f"artefact.{other}" if other > field else f"'{value}'")

    rules = [
        rule(f"r{i}", f"{text(one)} || {text(two)}", hard=weight == 0.0, weight=weight or 1.0)
        for i, (one, two, weight) in enumerate(drawn)
    ]
    with TemporaryDirectory() as folder:
        pack = tiny_pack(Path(folder) / "p", [{"a": "xyz", "b": "xyz"}, {"c": "xyz", "d": "xyz"}], rules)
    verifier, scenario = Verifier(pack), first_scenario(pack)
    verdicts = [
        verifier.verify(scenario, [{"a": a, "b": b}, {"c": c, "d": d}]) for a, b, c, d in product("xyz", repeat=4)
    ]
    costs = [soft_cost(v) for v in verdicts if v.correct]
    if costs:
        assert plans(pack)[0][0] == min(costs)
    else:
        with pytest.raises(TeacherError):
            plans(pack)


def test_a_tie_goes_to_what_the_brief_says(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": ["oak", "elm", "ash"]}], [rule("any", "artefact.a != ''")], "Use ash.")
    assert answer(pack, lore="Elm is best.") == {"a": "ash"}


def test_a_tie_that_the_brief_leaves_open_goes_to_what_the_lore_says(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": ["oak", "elm", "ash"]}], [rule("any", "artefact.a != ''")], "Be quick.")
    assert answer(pack, lore="Elm is best.") == {"a": "elm"}


def test_a_tie_that_nothing_decides_goes_to_the_order_of_the_schema(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": ["oak", "elm", "ash"]}], [rule("any", "artefact.a != ''")], "Be quick.")
    assert answer(pack, lore="Oaken elms are trashed.") == {"a": "oak"}


def test_soft_rules_come_before_what_the_brief_says(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": ["oak", "ash"]}], [soft("oak", "artefact.a == 'oak'")], "Use ash.")
    assert answer(pack) == {"a": "oak"}


@pytest.mark.parametrize(
    ("values", "brief", "lore", "expected"),
    [
        ([1, 2, 12], "for 12 h", "", [12, 1, 2]),
        ([1, 2], "for 2.5 h", "1 lamp", [1, 2]),
        (["palm_thatch", "reed"], "a reed roof", "palm thatch", ["reed", "palm_thatch"]),
        ([["ash"], ["oak"], ["ash", "oak"]], "an oak", "", [["oak"], ["ash", "oak"], ["ash"]]),
        (["E", "A"], "a smile", "", ["E", "A"]),
        ([8, 16], "at least -16 LUFS", "8 kHz", [8, 16]),
        ([True, False], "true", "", [True, False]),
    ],
)
def test_values_are_preferred_by_brief_then_lore_then_schema(
    values: list[Any], brief: str, lore: str, expected: list[Any]
) -> None:
    assert prefer(values, brief, lore) == expected


@pytest.mark.parametrize(
    ("rules", "title"),
    [
        ([rule("no", "artefact.a == ''")], "Step 0"),
        ([rule("no", "artefact.b == 'x' && artefact.b == 'y'")], "Step 1"),
    ],
)
def test_a_scenario_that_cannot_be_solved_names_the_step(tmp_path: Path, rules: list[Any], title: str) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": "xy"}, {"b": "xy"}], rules)
    with pytest.raises(TeacherError) as caught:
        plans(pack)
    assert f"step {title!r}" in caught.value.where
    assert first_scenario(pack).id in caught.value.where


def test_variants_differ_and_come_best_first(scaffold_pack: Pack) -> None:
    space = ScenarioSpace(scaffold_pack)
    teacher = SearchTeacher(Verifier(scaffold_pack))
    found = teacher.solve(space.scenario(space.at(0), where="test"), "", keep=4)
    assert [cost for cost, _ in found] == sorted(cost for cost, _ in found)
    assert len({repr(actions) for _, actions in found}) == 4


def test_there_are_no_more_variants_than_answers(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz"}], [rule("not-z", "artefact.a != 'z'")])
    teacher, task = SearchTeacher(Verifier(pack)), first_scenario(pack)
    steps = [teacher.propose(Task(task, BUNDLE, n), [], []) for n in range(3)]
    assert [s.action if s else None for s in steps] == [{"a": "x"}, {"a": "y"}, None]


def test_two_teachers_always_agree(scaffold_pack: Pack) -> None:
    space = ScenarioSpace(scaffold_pack)
    one, other = SearchTeacher(Verifier(scaffold_pack)), SearchTeacher(Verifier(scaffold_pack))
    axes = [space.at(i) for i in range(0, space.size, 11)]
    scenarios = [space.scenario(a, where="test") for a in axes if not space.problem(a)]
    asked_in_order = [one.solve(s, "horn and brass", 3) for s in scenarios]
    asked_backwards = [other.solve(s, "horn and brass", 3) for s in reversed(scenarios)]
    assert asked_in_order == asked_backwards[::-1]


def test_every_scenario_of_the_small_pack_is_solved_without_any_violation(scaffold_pack: Pack) -> None:
    space, verifier = ScenarioSpace(scaffold_pack), Verifier(scaffold_pack)
    teacher = SearchTeacher(verifier)
    for index in range(space.size):
        if not space.problem(space.at(index)):
            scenario = space.scenario(space.at(index), where="test")
            assert verifier.verify(scenario, teacher.solve(scenario, "")[0][1]).outcome_reward == 1.0


def test_a_refused_step_is_answered_by_the_next_best_one(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz"}], [soft("z-last", "artefact.a != 'y'")])
    teacher, task = SearchTeacher(Verifier(pack)), Task(first_scenario(pack), BUNDLE, 0)
    rejections: list[Rejection] = []
    proposed: list[Action] = []
    while step := teacher.propose(task, [], rejections):
        proposed.append(step.action)
        rejections.append(Rejection(step, ["no"]))
    assert proposed == [{"a": "x"}, {"a": "z"}, {"a": "y"}]
