"""Any rules on any artefact give a verdict or an error with a remedy: deterministic, monotone, bounded, and quickly."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.contracts import Verdict
from srl_pipeline.errors import PipelineError, RuleError
from srl_pipeline.model_types import Pack, RuleSpec, read_pack
from srl_pipeline.model_types.scaffold import TEMPLATE
from srl_pipeline.model_types.spec import Rules
from srl_pipeline.teachers import domain
from srl_pipeline.verification import SOFT_PENALTY, Evidence, Missing, ScenarioSpace, Verifier, split_actions
from srl_pipeline.verification.expressions import compile_expression
from srl_pipeline_tests.profiles import examples

PACK = read_pack(TEMPLATE)
SPACE = ScenarioSpace(PACK)
SCENARIOS = [SPACE.scenario(a, where="test") for i in range(0, SPACE.size, 11) if not SPACE.problem(a := SPACE.at(i))]
FIELDS = {name: domain(field) for step in PACK.spec.steps for name, field in step.fields.items()}
NAMES = sorted(FIELDS)

# expressions that have the right types: what they say is arbitrary
FIELD_WORDS = ["artefact.fuel", "artefact.metal", "artefact.pane", "artefact.colour"]
OTHER_WORDS = ["facts.region.fuel", "facts.region.wind", "scenario.bearer", "'oil'", "'open'", "'gusty'", "'x'"]
WORDS = st.sampled_from([*FIELD_WORDS, *OTHER_WORDS])
AMOUNTS = st.recursive(
    st.sampled_from(
        ["artefact.fillings", "scenario.hours", "6", "0", "1", "2.5", "1e300", "double(size(artefact.pane))"]
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
        lambda p: f"({p[0]} {p[1]} {p[2]})"
    ),
    max_leaves=3,
)
ATOMS = (
    st.tuples(WORDS, st.sampled_from(["==", "!=", "<", ">="]), WORDS).map(" ".join)
    | st.tuples(AMOUNTS, st.sampled_from(["==", "!=", "<", ">=", "<=", ">"]), AMOUNTS).map(" ".join)
    | WORDS.map(lambda w: f"{w} in ['oil', 'brass', 'glass']")
    | WORDS.map(lambda w: f"['oil', 'tin'].exists(v, v == {w})")
    | WORDS.map(lambda w: f"{w}.startsWith('o')")
)
TRUTHS = st.recursive(
    ATOMS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
        | inner.map(lambda e: f"!({e})")
        | st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})")
    ),
    max_leaves=4,
)
# and those that need not
TOKENS = [
    *(
        "artefact.fuel",
        "artefact.fillings",
        "facts.region.fuel",
        "facts.region",
        "scenario.hours",
        "scenario",
        "artefact",
    ),
    *("{'a': 1, 'b': 2}", "{'a': 1, 'b': 2}.map(v, v)[0]", "[{'a': 1, 'b': 2}]", ".filter(v, true)[0]", "'a'", "['a']"),
    *("1", "0", "-1", "2.5", "1e308", "'x'", "true", "null", "[1, 2]", "{'a': 1}", "1u", "b'x'", "9223372036854775807"),
    *("+", "-", "*", "/", "%", "==", "<", "in", "&&", "||", "!", "?", ":", "(", ")", "[", "]", ",", ".", "[0]", "[-1]"),
    *(".size()", ".matches('(a*)*b')", ".all(v, v)", ".map(v, v + v)", ".filter(v, true)", "size(", "int(", "string("),
    *(
        "duration('1h')",
        "timestamp('2026-01-01T00:00:00Z')",
        ".getFullYear()",
        "type(",
        "dyn(",
        "has(",
        "math.abs(",
        "é",
    ),
]
SOUP = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8).map(" ".join)

RIGHT = [st.fixed_dictionaries({n: st.sampled_from(domain(f)) for n, f in s.fields.items()}) for s in PACK.spec.steps]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*NAMES, "id"]), inner, max_size=3),
    max_leaves=4,
)
ANSWERS = (
    st.tuples(*RIGHT).map(list) | st.tuples(*(right | ODD for right in RIGHT)).map(list) | st.lists(ODD, max_size=6)
)


def rule(name: str, when: str | None, says: str, *, hard: bool, weight: float) -> RuleSpec:
    values: dict[str, Any] = {
        "id": name,
        "severity": "hard" if hard else "soft",
        "weight": weight,
        "skill": "any",
        "when": when,
        "assert": f"({says}) || artefact.fuel == 'nothing'",  # every rule reads a field
        "message": "{artefact.fuel} {scenario.region}",
        "because": "{facts.region.fuel}",
    }
    return RuleSpec.model_validate(values)


RULES = st.lists(
    st.builds(
        lambda when, says, hard, weight: (when, says, hard, weight),
        st.none() | TRUTHS,
        TRUTHS,
        st.booleans(),
        st.sampled_from([0.1, 0.5, 1.0, 3.0, 10.0]),
    ),
    min_size=1,
    max_size=5,
).map(lambda made: [rule(f"r{i}", w, s, hard=h, weight=x) for i, (w, s, h, x) in enumerate(made) if len(s) < 300])


def pack_with(rules: list[RuleSpec]) -> Pack:
    definition = PACK.definition.model_copy(update={"rules": Rules(version="1", rules=rules)})
    return replace(PACK, definition=definition)


def verdict_of(rules: list[RuleSpec], scenario: Any, answer: list[Any]) -> Verdict | str:
    """The verdict, or what the error says: of rules that do not fit their evidence."""
    try:
        return Verifier(pack_with(rules)).verify(scenario, answer)
    except RuleError as error:
        assert error.where and error.mend and str(error).encode("utf-8")
        return error.what


def broken(verdict: Verdict) -> set[tuple[str, int]]:
    return {(v.rule_id, v.step) for step in verdict.steps for v in step.violations}


@examples(50)
@given(RULES.filter(bool), st.sampled_from(SCENARIOS), ANSWERS)
def test_any_rules_on_any_answer_give_a_verdict_within_its_ranges_or_an_error(
    rules: list[RuleSpec], scenario: Any, answer: list[Any]
) -> None:
    found = verdict_of(rules, scenario, answer)
    assert found == verdict_of(rules, scenario, answer)
    if isinstance(found, str):
        return
    hard = {r.id for r in rules if r.severity == "hard"} | {"schema"}
    lost = [v for step in found.steps for v in step.violations]
    assert 0.0 <= found.outcome_reward <= 1.0
    assert all(0.0 <= step.compliance <= 1.0 for step in found.steps)
    assert found.complete == (len(answer) == len(PACK.spec.steps))
    assert found.correct == (found.complete and not any(v.rule_id in hard for v in lost))
    soft = SOFT_PENALTY * sum(v.weight for v in lost if v.rule_id not in hard)
    assert found.outcome_reward == pytest.approx(max(0.0, 1.0 - soft) if found.correct else 0.0)
    assert set(found.considered) >= {v.rule_id for v in lost} - {"schema"}
    assert found.model_dump_json()  # as it is kept


@examples(25)
@given(RULES.filter(bool), st.sampled_from(SCENARIOS), ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(rules: list[RuleSpec], scenario: Any, answer: list[Any], rng: Any) -> None:
    shuffled = rng.sample(rules, len(rules))
    one, other = verdict_of(rules, scenario, answer), verdict_of(shuffled, scenario, answer)
    assert isinstance(one, str) == isinstance(other, str)
    if not isinstance(one, str) and not isinstance(other, str):
        assert broken(one) == broken(other) and set(one.considered) == set(other.considered)
        assert (one.correct, one.complete) == (other.correct, other.complete)
        assert one.outcome_reward == pytest.approx(other.outcome_reward)


@examples(25)
@given(RULES.filter(lambda rules: len(rules) > 1), st.sampled_from(SCENARIOS), ANSWERS, st.data())
def test_a_rule_that_is_taken_away_takes_its_own_violations_and_no_reward(
    rules: list[RuleSpec], scenario: Any, answer: list[Any], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(rules))
    whole = verdict_of(rules, scenario, answer)
    less = verdict_of([r for r in rules if r is not gone], scenario, answer)
    if isinstance(whole, str):
        return
    assert not isinstance(less, str)
    assert broken(less) == {(name, step) for name, step in broken(whole) if name != gone.id}
    assert less.outcome_reward >= whole.outcome_reward - 1e-12
    assert less.correct >= whole.correct


@examples(12)
@given(RULES.filter(bool), st.sampled_from(SCENARIOS), st.lists(ANSWERS, min_size=2, max_size=4))
def test_answers_that_are_judged_one_after_the_other_are_judged_as_each_alone(
    rules: list[RuleSpec], scenario: Any, answers: list[list[Any]]
) -> None:
    try:
        verifier = Verifier(pack_with(rules))
        together = [verifier.verify(scenario, answer) for answer in answers]
    except RuleError:
        return
    assert together == [verdict_of(rules, scenario, answer) for answer in answers]


@examples(15)
@given(st.sampled_from(SCENARIOS), st.tuples(*RIGHT).map(list))
def test_a_whole_answer_is_judged_as_its_steps_are_and_its_parts_are_cut_out_again(
    scenario: Any, answer: list[Any]
) -> None:
    verifier = Verifier(PACK)
    whole, before = verifier.verify(scenario, answer), dict[str, Any]()
    for step, action in enumerate(answer):
        assert verifier.check_step(scenario, before, step, action) == whole.steps[step]
        before |= action
    assert split_actions(PACK, before) == answer


EVIDENCE = Evidence(SCENARIOS[0].axes, SCENARIOS[0].facts, {name: values[0] for name, values in FIELDS.items()})


@examples(150)
@given(SOUP | TRUTHS)
def test_an_expression_has_one_value_or_is_refused_with_its_place(source: str) -> None:
    try:
        expression = compile_expression(source, where="rules.yaml:7")
        value, again = expression.evaluate(EVIDENCE), expression.evaluate(EVIDENCE)
    except PipelineError as error:
        assert error.where == "rules.yaml:7" and error.mend and str(error).encode("utf-8")
        return
    assert value == again or repr(value) == repr(again)  # maps are equal in any order; what is no number equals nothing
    if isinstance(value, Missing):
        assert value.name


EXPENSIVE = {
    "a regular expression that grows": "artefact.pane.matches('" + "(a{1000})" * 20 + "')",
    "a regular expression in itself": "artefact.pane.matches('((((a{100}){100}){100}){100}){100}')",
    "the regular expression of others' nights": "artefact.pane.matches('^(" + "a?" * 80 + ")*$')",
    "nots": "!" * 380 + "true",
    "minuses": "-" * 380 + "1 < 2",
    "questions": "true ? " * 45 + "true" + " : false" * 4,
    "a chain of questions": "".join(f"artefact.fillings == {i} ? true : " for i in range(9)) + "false",
    "a list of lists": "size([" + "[" * 10 + "]" * 10 + "]) > 0",
    "a long list in two comprehensions": "["
    + ",".join("1" * 1 for _ in range(120))
    + "].all(v, v > 0) && [1].exists(v, v > 0)",
    "doubling": "artefact.pane" + " + artefact.pane" * 22 + " == 'x'",
    "a path of paths": "facts" + ".region" * 50,
    "indices": "[1]" + "[0]" * 120,
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_an_expensive_expression_is_refused_or_cheap(name: str) -> None:
    began = time.process_time()
    try:
        expression = compile_expression(EXPENSIVE[name], where="test")
        long = Evidence({"hours": 1}, {"region": {"fuel": "a" * 2_000}}, {"pane": "a" * 2_000, "fillings": 1})
        for _ in range(20):
            expression.evaluate(long)
    except RuleError as error:
        assert error.mend
    assert time.process_time() - began < 2.0
