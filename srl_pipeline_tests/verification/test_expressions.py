"""CEL expressions: bounded before they are compiled, total when they are evaluated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.errors import RuleError
from srl_pipeline.verification import Evidence, Missing
from srl_pipeline.verification.expressions import Expression, compile_expression

AXES = {"region": "saltmere", "hours": 7}
FACTS: Any = {"region": {"fuel": "oil", "stones": ["flint", "slate"], "storeys": 3}}
ARTEFACT = {"fuel": "oil", "fillings": 2, "light": ["lamp", "hearth"], "lit": True}
PIECES = [
    "artefact.",
    "artefact.fuel",
    "artefact.fillings",
    "facts.region.stones",
    "scenario.hours",
    "facts.",
    "scenario",
    "==",
    "!=",
    "'a'",
    "'",
    '"',
    "\\",
    "//",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".all(v,",
    ".exists(x,",
    ".map(",
    "size(",
    "double(",
    "1",
    "2.5",
    "1e300",
    "-",
    "in",
    "&&",
    "||",
    "!",
    "?",
    ":",
    ",",
    ".",
    "has(",
    "null",
    "true",
    "r'",
    "b'",
    "'''",
    "\n",
    "\x00",
    "é",
    "int(",
    ".matches(",
    "%",
    "/",
    "*",
    "+",
    "u",
    "0x",
    "`",
    "math.abs(",
    "sum(",
    "min(",
    "type(",
    "string(",
    "v",
    "x",
]


def value_of(source: str) -> Any:
    return compile_expression(source, where="test").evaluate(Evidence(AXES, FACTS, ARTEFACT))


@pytest.mark.parametrize(
    "source",
    [
        "artefact.fillings * 2 > 3",
        "artefact.fillings / 4 == 0.5",
        "double(size(artefact.light)) * 2 == 4",
        "artefact.fuel in facts.region.stones || artefact.fuel == facts.region.fuel",
        "artefact.light.exists(v, v == 'lamp') && facts.region.stones.all(v, v != 'lamp')",
        "math.least(facts.region.storeys, artefact.fillings) == 2",
        "math.abs(-artefact.fillings) == 2 && max([1, 3]) == 3 && sum([1, 2]) == 3",
        "artefact.light[0] == 'lamp'",
        "artefact.fillings in [1, 2]",
        "scenario.region == 'saltmere' ? artefact.lit : false",
        "artefact.fuel != 'it said: artefact.fillings // 3'",
        "{'oil': ['lamp'], 'wax': []}[artefact.fuel].exists(v, v == 'lamp')",
        "artefact.light.filter(v, {'lamp': true, 'hearth': false}[v]).exists(v, v == 'lamp')",
        "['{', 'a'].exists(v, v == '{') && {'a': 1}['a'] == 1",
    ],
)
def test_an_expression_is_true_of_its_evidence(source: str) -> None:
    assert value_of(source) is True


def test_an_expression_knows_the_fields_and_paths_that_it_reads() -> None:
    expression = compile_expression("artefact.fuel in facts.region.stones && scenario.hours > 1", where="test")
    assert expression.fields == {"fuel"}
    assert expression.paths == {("facts", "region", "stones"), ("scenario", "hours")}


def test_a_method_is_no_part_of_the_path() -> None:
    expression = compile_expression("facts.region.stones.exists(v, v == artefact.fuel)", where="test")
    assert expression.paths == {("facts", "region", "stones")}


@pytest.mark.parametrize("source", ["artefact.colour == 'red'", "facts.region.wind == 'calm'", "scenario.moon == 1"])
def test_absent_evidence_is_missing_and_never_true_or_false(source: str) -> None:
    assert isinstance(value_of(source), Missing)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("artefact.fuel ==", "does not parse"),
        ("", "does not parse"),
        ("artefact.fillings > 1" + " && true" * 60, "characters"),
        ("(" * 13 + "1" + ")" * 13, "Nested deeper"),
        ("[1].all(v, [1].all(w, true))", "within another"),
        ("[1].exists_one(v, [1].filter(w, true) == [1])", "within another"),
        ("[1].all(v, facts.region.stones.exists(w, true))", "within another"),
        ("[1].all(v, artefact.light . exists ( w, true))", "within another"),
        ("[1].all(v, // )\n [2].all(w, true))", "// is not allowed"),
        ("r'\\' == artefact.fuel", "r is not allowed"),
        ("'''a''' == artefact.fuel", "''' is not allowed"),
        ("scenario['hours'] == 7", "names 'scenario'"),
        ("artefact == {}", "names 'artefact'"),
        ("hours == 7", "names 'hours'"),
        ("{'a': 1, 'b': 2}.map(k, k)[0] == 'a'", "over a map"),
        ("{'a': 1, 'b': 2} . filter ( k, true) == ['a']", "over a map"),
        ("(artefact.lit ? {'a': 1} : {'b': 2}).all(k, true)", "over a map"),
        ("[{'a': 1, 'b': 2}][0].map(k, k)[0] == 'a'", "over a map"),
        ("{'x': {'a': 1, 'b': 2}}['x'].map(k, k)[0] == 'a'", "over a map"),
        ("dyn({'a': 1, 'b': 2}).map(k, k)[0] == 'a'", "over a map"),
    ],
)
def test_an_expression_out_of_bounds_is_refused(source: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_expression(source, where="rules.yaml:7")
    assert says in caught.value.what
    assert caught.value.where == "rules.yaml:7"


@pytest.mark.parametrize(
    "source",
    ["artefact.fuel > 2", "artefact.light[9] == 'x'", "1 / 0 == 1 || 1.0 % 0.0 == 1", "int(1e300) == 1", "sum(1) == 1"],
)
def test_a_wrong_evaluation_is_an_error_with_its_place(source: str) -> None:
    try:
        value = value_of(source)
    except RuleError as error:
        assert error.where == "test"
        assert source in error.what
    else:
        assert value in (True, False)


def test_a_list_that_is_too_long_is_refused_as_evidence() -> None:
    with pytest.raises(RuleError, match="A list of 65 items"):
        Evidence({}, {"region": {"stones": ["x"] * 65}})


@settings(max_examples=400)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_any_text_compiles_or_is_refused_and_evaluates_or_is_refused(source: str) -> None:
    try:
        expression = compile_expression(source, where="test")
        assert isinstance(expression, Expression)
        expression.evaluate(Evidence(AXES, FACTS, ARTEFACT))
    except RuleError as error:
        assert error.mend
