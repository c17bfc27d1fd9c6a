"""What an expression means to a grader is what it means to the verifier; what it cannot mean there is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from srl_pipeline.errors import RuleError, TuningError
from srl_pipeline.tuning.graders.syntax import parse_expression
from srl_pipeline.verification.expressions import compile_expression
from srl_pipeline_tests.tuning.graders.expressions import by_grader, by_verifier, evidence, sources

pytestmark = pytest.mark.chain

AXES = {"n": 1, "w": "oak"}
FACTS = {"x": {"n": 3, "l": ["oak", "elm"], "w": "oak"}}
ARTEFACT = {"n": 4, "w": "oak", "s": ["oak", "B"], "e": [], "b": True}


def _agree(source: str, axes: Any = AXES, facts: Any = FACTS, artefact: Any = ARTEFACT) -> str:
    expression = compile_expression(source, where="test")
    theirs = by_grader(expression, axes, facts, artefact)
    assert theirs == by_verifier(expression, axes, facts, artefact)
    return theirs


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(sources(), evidence())
def test_random_expressions_mean_the_same(source: str, seen: tuple[Any, Any, Any]) -> None:
    try:
        compile_expression(source, where="test")
    except RuleError:
        assume(False)  # out of bounds: too many comprehensions, or too long
    _agree(source, *seen)


@pytest.mark.chain
@pytest.mark.timeout(1200)
@settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(sources(), evidence())
def test_many_more_random_expressions_mean_the_same(source: str, seen: tuple[Any, Any, Any]) -> None:
    try:
        compile_expression(source, where="test")
    except RuleError:
        assume(False)
    _agree(source, *seen)


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("artefact.gone == 1 || true", "value True"),
        ("artefact.w < 1 || artefact.b", "value True"),
        ("artefact.gone == 1 && false", "value False"),
        ("artefact.gone == 1 || false", "missing artefact.gone"),
        ("artefact.gone == 1 || artefact.lost == 1", "missing artefact.lost"),
        ("artefact.gone == 1 && artefact.w", "missing artefact.gone"),
        ("artefact.w || false", "error"),
        ("artefact.gone == 1 || artefact.w || false", "missing artefact.gone"),
        ("false || artefact.gone == 1 || artefact.w || false", "error"),
        ("true && artefact.gone == 1 && artefact.w && true && true", "missing artefact.gone"),
        ("artefact.s.exists(q, artefact.gone == q || q == 'B')", "missing artefact.gone"),
        ("artefact.s.all(q, artefact.gone == q && q == 'B')", "value False"),
        ("artefact.e.all(q, artefact.gone == q)", "value True"),
        ("['oak', 1].exists(q, q == 'oak' || q < 2)", "value True"),
        ("[1, 'oak'].exists(q, q > 2)", "error"),
        ("[1, 2].all(q, 'a'[0])", "error"),
        ("artefact.n == 'oak'", "value False"),
        ("1 == true", "value False"),
        ("true in [1]", "value False"),
        ("[1, true, 'a'] == [1, true, 'a']", "value True"),
        ("size(artefact.s) == 2", "value True"),
        ("size(artefact.s) < 2.5", "value True"),
        ("size(artefact.s) + 1", "error"),
        ("size(artefact.s) / size(artefact.e)", "error"),
        ("(size(artefact.e) - size('oak')) / size(artefact.s)", "value -1"),
        ("artefact.s[size(artefact.e)]", "value 'oak'"),
        ("artefact.s[2]", "error"),
        ("artefact.s[artefact.n]", "error"),
        ("{'a': 1}['b']", "missing b"),
        ("{'a': 1}[true]", "missing true"),
        ("{'a': 1, 'a': 2}['a']", "value 2.0"),
        ("1 in {'a': 1}", "error"),
        ("size('é')", "value 2"),
        ("'Z' < 'a' && 'a' < 'é'", "value True"),
        ("artefact.n < 'oak'", "error"),
        ("1 < 2 == true", "value True"),
        ("-artefact.n / 0", "value -inf"),
        ("0 / 0 == 0 / 0", "value False"),
        ("0 / 0 < 1", "error"),
        ("-true", "value False"),
        ("!!artefact.w", "value 'oak'"),
        ("- - artefact.w", "value 'oak'"),
        ("artefact.w + 'x' in ['oakx']", "value True"),
        ("double('1e3') + double(size([1]))", "value 1001.0"),
        ("double('1_0')", "error"),
        ("math.least([])", "error"),
        ("max('a', 1)", "error"),
        ("sum([])", "value 0"),
        ("math.abs(true)", "value 1"),
        ("artefact.s[9].max({'a': 1}.b)", "missing b"),
        ("min(artefact.s[9], {'a': 1}.b)", "error"),
        ("has(facts.x.none) || has(facts.x.n)", "value True"),
        ("has(facts.none.n)", "missing none"),
        ("true ? artefact.gone : 1", "missing artefact.gone"),
        ("artefact.w ? 1 : 2", "error"),
        ("true || false && false", "value True"),
        ("2 -1", "value 1.0"),
        ("null == null", "value True"),
    ],
)
def test_the_oddities_of_the_library_are_kept(source: str, outcome: str) -> None:
    assert _agree(source) == outcome


@pytest.mark.parametrize(
    ("source", "thing"),
    [
        ("artefact.w.matches('o.*')", r"\.matches\(\)"),
        ("artefact.n % 2 == 0", "%"),
        ("string(artefact.n) == '4'", r"string\(\)"),
        ("int(artefact.n) == 4", r"int\(\)"),
        ("type(artefact.n) == 'double'", r"type\(\)"),
        ("timestamp('2020-01-01T00:00:00Z') == 1", r"timestamp\(\)"),
        ("artefact.w == 'o\\n'", "the literal"),
        ("artefact.n == 0x10", "the literal"),
        ("artefact.n == 1u", "the literal"),
        ("{1: 'a'}[artefact.n] == 'a'", "key of a mapping"),
        ("[{'a': 1}][0] == artefact.w", "a mapping in a list"),
        ("{'a': {'b': 1}}[artefact.w] == 1", "a mapping in another"),
        ("min({'a': 1}) == artefact.w", r"a mapping in min\(\)"),
        ("artefact.s.map(q, {'a': q}) == []", "a mapping in a list"),
        ("artefact.s.exists(math, math == 'oak')", "'math' for a member"),
        ("artefact.s.exists(q, q == 'B') && q == artefact.w", "the name 'q'"),
        ("- 1.5.max(2) == artefact.n", "a number with something of its own"),
        ("math.least() == artefact.n", "with 0 arguments"),
        ("size(artefact.s, 1) == 1", "with 2 arguments"),
        ("math.floor(artefact.n) == 1", r"math\.floor\(\)"),
        ("artefact.w.startsWith('o', 'a')", "with 2 arguments"),
        ("artefact.w in ['oak', 'elm',]", "cannot be compiled for a grader"),
    ],
)
def test_what_a_grader_cannot_judge_exactly_is_refused_when_it_is_compiled(source: str, thing: str) -> None:
    with pytest.raises(TuningError, match=thing) as refusal:
        parse_expression(compile_expression(source, where="rules.yaml:3"))

    assert refusal.value.where == "rules.yaml:3"
