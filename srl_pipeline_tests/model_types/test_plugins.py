"""A task library that somebody else wrote becomes a model type: its tasks are an axis, its scorer a rule."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing import count_valid
from srl_pipeline.model_types import load_pack, new_pack
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.verification import ScenarioSpace, Verifier, check_examples, judge
from srl_pipeline_tests.conftest import edit

LIBRARY = '''
"""Puzzles: two numbers with a given sum and product."""
from srl_pipeline.model_types.plugins import PythonRule, TaskText


class Puzzles:
    fact_names = ["sum", "product"]

    def task(self, axes):
        low, high = divmod(int(axes["puzzle"]), 21)
        if low > high:
            return None
        return TaskText(f"two numbers that add up to {low + high} and multiply to {low * high}",
                        {"sum": low + high, "product": low * high})


def solved(axes, facts, artefact):
    task = facts["task"]
    return (artefact["low"] + artefact["high"] == task["sum"]
            and artefact["low"] * artefact["high"] == task["product"])


def rules():
    return [PythonRule(id="puzzle-is-solved", skill="puzzles", fields=frozenset({"low", "high"}), holds=solved,
                       message="{artefact.low} and {artefact.high} do not add up to {facts.task.sum}.",
                       because="they add up to {facts.task.sum}")]
'''
PACK = """
title: Puzzles
description: Two numbers with a given sum and product.
system: You solve puzzles.
brief: "Find {task}."
axes:
  puzzle: {min: 0, max: 440, step: 1}
plugins: {rules: puzzles, tasks: puzzles}
difficulty: "facts.task.sum / 40"
steps:
  - id: first
    title: First
    instruction: Choose the smaller number.
    fields:
      low: {type: integer, minimum: 0, maximum: 20, multipleOf: 1}
  - id: second
    title: Second
    instruction: Choose the larger number.
    fields:
      high: {type: integer, minimum: 0, maximum: 20, multipleOf: 1}
"""
EXAMPLES = """
gold:
  - {id: g, scenario: {puzzle: 68}, artefact: {low: 3, high: 5}}
counter:
  - {id: c, breaks: puzzle-is-solved, from: g, change: {high: 6}}
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution 'puzzle-library' with the module of both plug-ins; returns the module's file."""
    site = tmp_path / "site"
    info = site / "puzzle_library-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: puzzle-library\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[srl_pipeline.rules]\npuzzles = puzzle_library:rules\n"
        "[srl_pipeline.tasks]\npuzzles = puzzle_library:Puzzles\n",
        encoding="utf-8",
    )
    module = site / "puzzle_library.py"
    module.write_text(LIBRARY, encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "puzzle_library", raising=False)
    importlib.invalidate_caches()
    return module


@pytest.fixture
def puzzles(library: Path, scaffold_folder: Path) -> Path:
    """The folder of the pack that uses them, beside the pack 'lanterns'."""
    folder = new_pack("puzzles", scaffold_folder.parent)
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "rules.yaml").write_text('version: "1.0"\nrules: []\n', encoding="utf-8")
    (folder / "examples.yaml").write_text(EXAMPLES, encoding="utf-8")
    (folder / "evaluation.yaml").write_text("version: 1\nscenarios:\n  - {puzzle: 23}\n", encoding="utf-8")
    return folder


def changed(library: Path, old: str, new: str) -> None:
    """Another release of the library is installed."""
    edit(library, old, new)
    sys.modules.pop("puzzle_library", None)
    importlib.invalidate_caches()


def test_the_librarys_tasks_are_the_scenarios_of_the_pack(puzzles: Path) -> None:
    space = ScenarioSpace(load_pack("puzzles"))
    scenario = space.scenario({"puzzle": 68.0}, where="test")
    assert scenario.brief == "Find two numbers that add up to 8 and multiply to 15."
    assert scenario.facts["task"] == {"sum": 8, "product": 15}
    assert scenario.difficulty == pytest.approx(0.2)


def test_a_task_that_the_library_lacks_is_no_scenario(puzzles: Path) -> None:
    space = ScenarioSpace(load_pack("puzzles"))
    assert count_valid(space) == (231, True)
    with pytest.raises(PackError, match="the task source has no such task"):
        space.scenario({"puzzle": 21.0}, where="test")


def test_the_librarys_scorer_decides_what_is_right(puzzles: Path) -> None:
    pack = load_pack("puzzles")
    verifier, scenario = Verifier(pack), ScenarioSpace(pack).scenario({"puzzle": 68.0}, where="test")
    assert verifier.verify(scenario, [{"low": 3}, {"high": 5}]).correct
    wrong = verifier.verify(scenario, [{"low": 3}, {"high": 6}])
    assert not wrong.correct
    assert [v.message for v in wrong.violations] == ["3 and 6 do not add up to 8."]
    check_examples(verifier)


def test_the_search_teacher_solves_what_only_the_library_can_score(puzzles: Path) -> None:
    pack = load_pack("puzzles")
    teacher = SearchTeacher(Verifier(pack))
    for puzzle in (0.0, 68.0, 146.0, 440.0):
        scenario = ScenarioSpace(pack).scenario({"puzzle": puzzle}, where="test")
        _, (first, second) = teacher.solve(scenario, "")[0]
        assert first["low"] + second["high"] == scenario.facts["task"]["sum"]
        assert first["low"] * second["high"] == scenario.facts["task"]["product"]


def test_a_rule_that_lacks_a_field_reports_missing_evidence(puzzles: Path) -> None:
    pack = load_pack("puzzles")
    verifier, scenario = Verifier(pack), ScenarioSpace(pack).scenario({"puzzle": 68.0}, where="test")
    outcome = judge(verifier.rules.rules[0], verifier.evidence(scenario, {"low": 3}))
    assert outcome not in (True, False, None)


def test_a_plugin_cannot_change_the_artefact_that_it_judges(library: Path, puzzles: Path) -> None:
    changed(library, '    task = facts["task"]', '    artefact["low"] = 99\n    task = facts["task"]')
    pack = load_pack("puzzles")
    evidence = Verifier(pack).evidence(ScenarioSpace(pack).scenario({"puzzle": 68.0}, where="test"), {"low": 3})
    evidence.set("high", 5)
    judge(Verifier(pack).rules.rules[0], evidence)
    assert evidence.artefact == {"low": 3, "high": 5}


def test_a_plugin_that_raises_fails_its_pack_and_no_other(library: Path, puzzles: Path) -> None:
    changed(library, "def solved(axes, facts, artefact):\n", "def solved(axes, facts, artefact):\n    1 / 0\n")
    with pytest.raises(
        PackError, match=r"Plug-in 'puzzles' raised ZeroDivisionError(.|\n)*other packs are not affected"
    ):
        check_examples(Verifier(load_pack("puzzles")))
    check_examples(Verifier(load_pack("lanterns")))


def test_a_plugin_that_cannot_be_imported_is_an_error_of_its_pack(library: Path, puzzles: Path) -> None:
    changed(library, "class Puzzles:", "import a_module_that_is_not_there\n\n\nclass Puzzles:")
    with pytest.raises(PackError, match=r"ModuleNotFoundError(.|\n)*pack\.yaml:\d+"):
        load_pack("puzzles")
    load_pack("lanterns")


def test_a_plugin_that_nobody_installed_is_named_with_those_that_are(puzzles: Path) -> None:
    edit(puzzles / "pack.yaml", "rules: puzzles", "rules: riddles")
    with pytest.raises(PackError, match=r"0 installed distributions offer plug-in 'riddles'.*installed: puzzles"):
        load_pack("puzzles")


def test_an_answer_that_is_neither_true_nor_false_is_refused(library: Path, puzzles: Path) -> None:
    changed(library, "    return (artefact", "    return 0.5 * (artefact")
    with pytest.raises(PackError, match="not True or False"):
        check_examples(Verifier(load_pack("puzzles")))


def test_a_rule_about_a_field_that_no_step_has_is_refused(library: Path, puzzles: Path) -> None:
    changed(library, 'frozenset({"low", "high"})', 'frozenset({"low", "middle"})')
    with pytest.raises(PackError, match="'middle', which no step has"):
        Verifier(load_pack("puzzles"))


def test_tasks_with_other_facts_than_declared_are_refused(library: Path, puzzles: Path) -> None:
    changed(library, '"product": low * high}', '"times": low * high}')
    with pytest.raises(PackError, match="not the facts that it declares"):
        ScenarioSpace(load_pack("puzzles")).scenario({"puzzle": 68.0}, where="test")


def test_another_release_of_the_library_is_another_rule_set(library: Path, puzzles: Path) -> None:
    before = load_pack("puzzles").definition.version
    assert load_pack("puzzles").definition.version == before
    changed(library, "two numbers that", "a pair that")
    assert load_pack("puzzles").definition.version != before


def test_a_pin_refuses_a_library_that_changed_since(library: Path, puzzles: Path) -> None:
    pinned = load_pack("puzzles")
    changed(library, "two numbers that", "a pair that")
    with pytest.raises(PackError, match="the pin asks for"):
        Verifier(pinned)
