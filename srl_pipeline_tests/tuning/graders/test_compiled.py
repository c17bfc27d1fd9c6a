"""The compiled source: what is in it, how it reads answers, and what it rewards."""

from __future__ import annotations

import ast
import json
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.errors import RuleError, TuningError
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.tuning.graders import answer_reward, compile_grader, compiled, example_cases, read_action
from srl_pipeline.tuning.records import GraderItem
from srl_pipeline.verification import Verifier
from srl_pipeline.verification.plugin_rules import PythonPredicate
from srl_pipeline_tests.conftest import edit

READABLE = '{"reasoning": "granite is near", "action": {"stone": "granite", "pitch": 45}}'
UNREADABLE = [
    "",
    "granite",
    "[1]",
    '"a"',
    "null",
    READABLE + " so be it",
    "Sure! " + READABLE,
    READABLE * 2,
    '{"action": {}}',
    '{"reasoning": 1, "action": {}}',
    '{"reasoning": "a", "action": []}',
    '{"reasoning": "a", "action": {}, "more": 1}',
    '{"reasoning": "a", "reasoning": "b", "action": {}}',
    '{"reasoning": "a", "action": {"x": 1, "x": 2}}',
    '{"reasoning": "a", "action": {"x": NaN}}',
    '{"reasoning": "a", "action": {"x": -Infinity}}',
    '{"reasoning": "a", "action": {"x": 1e999}}',
    '{"reasoning": "a", "action": {"x": 9007199254740992}}',
    '{"reasoning": "a", "action": {"x": 0.12345678901}}',
    '{"reasoning": "a", "action": {"x": ' + "1" * 41 + "}}",
    '{"reasoning": "a", "action": {"x": ' + "[" * 7 + "]" * 7 + "}}",
    '{"reasoning": "a\nb", "action": {}}',
    '{"reasoning": "' + "a" * 1_201 + '", "action": {}}',
    READABLE + " " * 16_384,
    '{"reasoning": "a", "action": {}',
    "{'reasoning': 'a', 'action': {}}",
    '```json {"reasoning": "a", "action": {}} ```',
]
LIKE_ANSWERS = st.one_of(
    st.text(alphabet='{}[]":,\\ \n`-+.0123456789eE actionreasoningNaN', max_size=60),
    st.sampled_from([READABLE, *UNREADABLE]),
)


@pytest.fixture(scope="module")
def grader(sources: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The compiled grader of buildings as a module's names, in this process."""
    file = tmp_path_factory.mktemp("grader") / "grader.py"
    file.write_text(sources["buildings"], encoding="utf-8")
    return runpy.run_path(str(file))


@pytest.fixture
def item(buildings: Verifier) -> GraderItem:
    """The first step of the first gold example."""
    return next(iter(example_cases(buildings))).item


def test_equal_packs_have_equal_sources(sources: dict[str, str], buildings: Verifier) -> None:
    assert compile_grader(buildings) == sources["buildings"]


def test_a_source_needs_python_alone_and_runs_nothing_that_a_pack_says(sources: dict[str, str]) -> None:
    for source in sources.values():
        tree = ast.parse(source, feature_version=(3, 9))
        imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        modules = {n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in imports}
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert modules == {"json", "math", "re", "typing"}
        assert not names & {"eval", "exec", "compile", "open", "__import__", "getattr"}


def test_a_source_is_far_under_the_vendors_limit(sources: dict[str, str]) -> None:
    assert max(len(source.encode()) for source in sources.values()) < 40_000


def test_a_source_over_the_limit_is_refused(buildings: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MAX_SOURCE", 1_000)

    with pytest.raises(TuningError, match="a vendor takes 1,000"):
        compile_grader(buildings)


def test_a_rule_of_a_plug_in_is_refused(scaffold_pack: Pack) -> None:
    verifier = Verifier(scaffold_pack)
    python = PythonPredicate("scorer", "r", "pack.yaml:9", lambda *_: True, frozenset({"fuel"}))
    verifier.rules = replace(verifier.rules, rules=(replace(verifier.rules.rules[0], assertion=python),))

    with pytest.raises(TuningError, match="plug-in's Python") as refusal:
        compile_grader(verifier)

    assert refusal.value.where == "pack.yaml:9"


def test_a_rule_that_graders_do_not_know_is_refused_with_its_line(scaffold_folder: Path) -> None:
    rules = scaffold_folder / "rules.yaml"
    line = edit(rules, "artefact.fuel == facts.region.fuel", "artefact.fuel.matches('o.*')")

    with pytest.raises(TuningError, match=r"matches\(\)") as refusal:
        compile_grader(Verifier(load_pack(scaffold_folder.name)))

    assert refusal.value.where == f"{rules}:{line}"


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_answer_that_cannot_be_read_is_worth_nothing(
    text: str, grader: dict[str, Any], buildings: Verifier, item: GraderItem
) -> None:
    assert read_action(text) is None
    assert grader["read_action"](text) is None
    assert grader["grade"]({"output_text": text}, {"task": item.model_dump()}) == 0.0
    assert answer_reward(buildings, text, item) == 0.0


@pytest.mark.parametrize("sample", [{}, {"output_text": None}, {"output_text": 3}])
def test_no_answer_at_all_is_worth_nothing(sample: Any, grader: dict[str, Any], item: GraderItem) -> None:
    assert grader["grade"](sample, {"task": item.model_dump()}) == 0.0


@pytest.mark.parametrize("text", [READABLE, f" {READABLE}\n", f"```json\n{READABLE}\n```", f"```\n{READABLE}\n```"])
def test_an_answer_may_stand_in_a_code_fence(text: str, grader: dict[str, Any]) -> None:
    assert grader["read_action"](text) == read_action(text) == {"stone": "granite", "pitch": 45}


@settings(max_examples=200, deadline=None)
@given(LIKE_ANSWERS, st.integers(0, 60), st.sampled_from(["", "{", '"', "1", "\\", "}", ",", "\u00e9"]))
def test_both_read_the_same_answers(grader: dict[str, Any], text: str, at: int, more: str) -> None:
    spoiled = text[:at] + more + text[at + 1 :]
    for answer in (text, spoiled):
        assert grader["read_action"](answer) == read_action(answer)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_both_find_the_same_structure(grader: dict[str, Any], buildings: Verifier, data: st.DataObject) -> None:
    """Also of values that no answer can hold: not-a-number, huge integers, numbers with many decimals."""
    step = data.draw(st.integers(0, len(buildings.pack.spec.steps) - 1))
    fields = buildings.pack.spec.steps[step].fields
    value = st.one_of(
        st.sampled_from([True, None, "granite", [], ["oak"], {}, 10**400, -(10**400), 45.0, 45, 2.0000000001]),
        st.floats(),
        st.integers(-5, 200),
        st.sampled_from([w for f in fields.values() for w in getattr(f, "enum", [])] or ["oak"]),
        st.lists(st.sampled_from(["hearth", "lantern", "candle", "oak"]), max_size=3),
    )
    action = {name: data.draw(value) for name in fields}
    if data.draw(st.booleans()):
        action.pop(next(iter(action)))

    ours = buildings.structure_error(step, action) is None

    assert grader["well_formed"](grader["PACK"]["steps"][step]["fields"], action) is ours


def test_a_soft_violation_costs_its_weight_and_a_hard_one_all(grader: dict[str, Any], buildings: Verifier) -> None:
    rewards = {answer_reward(buildings, case.text, case.item) for case in example_cases(buildings)}
    theirs = {
        grader["grade"]({"output_text": case.text}, {"task": case.item.model_dump()})
        for case in example_cases(buildings)
    }

    soft = {1.0 - 0.1 * rule.weight for rule in buildings.rules.rules if not rule.hard}
    assert theirs == rewards
    assert {0.0, 1.0} < rewards <= {0.0, 1.0} | soft


def test_an_item_that_makes_no_sense_has_no_reward(grader: dict[str, Any], buildings: Verifier) -> None:
    """A reward would teach something; the vendor counts the error of the grader."""
    case = next(c for c in example_cases(buildings) if c.item.step == 1)
    wrong = case.item.model_copy(update={"before": {name: 65 * ["oak"] for name in case.item.before}})

    with pytest.raises(RuleError):
        answer_reward(buildings, case.text, wrong)
    with pytest.raises(grader["Unjudgeable"]):
        grader["grade"]({"output_text": case.text}, {"task": wrong.model_dump()})


def test_a_vendor_may_put_code_in_front_of_the_source(sources: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "wrapped.py"
    file.write_text("import json\n" + sources["buildings"] + "\nprint(json.dumps(grade({}, {})))\n", encoding="utf-8")

    done = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == 0.0
