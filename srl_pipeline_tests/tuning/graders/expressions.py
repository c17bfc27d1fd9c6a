"""Test helper: random expressions of the grammar that graders know, random evidence, and both judgements of them."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from srl_pipeline.errors import RuleError
from srl_pipeline.tuning.graders import interpreter
from srl_pipeline.tuning.graders.syntax import parse_expression
from srl_pipeline.verification.expressions import Evidence, Expression, Missing

_LEAVES = {
    "word": ["'oak'", "'elm'", "'B'", "'é'", "artefact.w", "facts.x.w", "scenario.w", "artefact.s[0]", "artefact.s[9]"],
    "number": ["0", "1", "2", "3", "0.5", "10", "1e3", "-1", "-2.5", "artefact.n", "facts.x.n", "scenario.n"],
    "list": ["artefact.s", "facts.x.l", "[]", "['oak', 'elm']", "[1, 'oak']", "[1, 2]"],
    "bool": ["true", "false", "artefact.b", "artefact.gone == 1", "has(facts.x.n)", "has(facts.x.none)"],
    "odd": ["null", "artefact.n", "artefact.w", "artefact.s", "artefact.b", "artefact.gone", "facts.x.n"],
}
_COMPOUNDS = {
    "word": [
        "(@word + @word)", "(@bool ? @word : @word)", "{'oak': @word, 'B': @word}[@word]", "max(@list)", "@list[0]",
        "@list.min()",
    ],
    "number": [
        "(@number + @number)", "(@number - @number)", "@number-@number", "@number * @number", "(@number / @number)",
        "-(@number)", "- @number", "double(size(@list))", "size(@any)", "double(@any)", "math.abs(@any)",
        "math.least(@number, @any)", "math.greatest(@any, @number)", "min(@number, @number)", "max(@any, @any)",
        "sum(@list)", "sum(@number, @any)", "(@bool ? @number : @number)", "{'oak': @number, 'elm': 2}[@any]",
        "@list.size()", "@list.sum()", "@list[1]", "(@list).max(@any)", "artefact.s[9].max(@any)",
        "artefact.n.max(@any)", "{'oak': @number}.oak", "{'oak': @number}.elm",
        "(size(@list) / size(@list))", "(size(@list) - size(@any)) * size(@list)",
    ],
    "list": [
        "[@any, @any]", "(@list + @list)", "@list.filter(q, @body)", "@list.map(q, @any)", "@list.map(q, q + 'x')",
        "@list.map(q, @body, [q])",
    ],
    "bool": [
        "(@bool && @bool)", "(@bool || @bool)", "@bool && @bool", "@bool || @bool", "!(@bool)", "!!(@any)",
        "(@any == @any)", "(@any != @any)", "@number == @number", "(@word == @word)", "(@list == @list)",
        "(@number < @number)", "@number <= @any", "(@any > @any)", "(@any >= @any)", "(@word < @word)",
        "(@any in @list)", "(@any in {'oak': 1, 'elm': @any})", "(@word in @any)",
        "@list.exists(q, @body)", "@list.all(q, @body)", "@list.exists_one(q, @body)", "@odd.exists(q, @body)",
        "@word.contains(@any)", "@odd.startsWith(@word)", "@word.endsWith(@word)", "@odd.contains(@any)",
        "@bool ? @bool : @bool", "(@any ? @any : @any)",
    ],
    "body": [
        "q == 'oak'", "q in facts.x.l", "q < 2", "q", "q != artefact.w || artefact.b", "artefact.gone == q",
        "!(q == 1)", "(q == @any || @bool)", "@bool && q != 'elm'", "q == @number", "size(q) == 3",
    ],
}  # fmt: skip
"""Expressions by the type that they mostly have; ``@kind`` stands for another."""


@st.composite
def sources(draw: Any) -> str:
    """An expression that graders know; most judge, some lack evidence, some are wrong for their evidence."""

    def fill(kind: str, depth: int) -> str:
        if kind == "any":
            kind = draw(st.sampled_from(["bool", "word", "number", "list", "odd"]))
        leaf = kind == "odd" or (kind != "body" and (depth <= 0 or draw(st.integers(0, 3)) == 0))
        template = draw(st.sampled_from((_LEAVES if leaf else _COMPOUNDS)[kind]))
        return re.sub(r"@(\w+)", lambda match: fill(match[1], depth - 1), template)

    return fill(draw(st.sampled_from(["bool", "bool", "any"])), 4)


_WORD, _NUMBER = st.sampled_from(["oak", "elm", "B", "é", "4"]), st.sampled_from([0, 1, 2, 2.5, -3, 1000])
_SCALAR = st.one_of(_WORD, _NUMBER, st.booleans())
_LIST = st.lists(_WORD, max_size=4)
_ODD = st.one_of(_SCALAR, st.none(), _LIST, st.lists(_SCALAR, max_size=3))


@st.composite
def evidence(draw: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Axes, facts and an artefact: mostly of the types that their names say, sometimes of another, or not there."""
    artefact = {"n": draw(_NUMBER), "w": draw(_WORD), "s": draw(_LIST), "b": draw(st.booleans())}
    for field in draw(st.sets(st.sampled_from(sorted(artefact)), max_size=1)):
        artefact[field] = draw(_ODD)
    for field in draw(st.sets(st.sampled_from(sorted(artefact)), max_size=1)):
        del artefact[field]
    facts = {"x": {"n": draw(_NUMBER), "w": draw(_WORD), "l": draw(st.lists(_WORD, min_size=1, max_size=3))}}
    return {"n": draw(_NUMBER), "w": draw(_WORD)}, facts, artefact


def by_verifier(expression: Expression, axes: Any, facts: Any, artefact: Any) -> str:
    """What the verifier's library makes of it."""
    try:
        value = expression.evaluate(Evidence(axes, facts, artefact))
    except RuleError:
        return "error"
    return f"missing {value.name}" if isinstance(value, Missing) else f"value {_shown(value)}"


def by_grader(expression: Expression, axes: Any, facts: Any, artefact: Any) -> str:
    """What the grader's interpreter makes of it."""
    names = {"scenario": interpreter.doubles(axes, 64), "facts": interpreter.doubles(facts, 64)}
    names |= {f"artefact__{field}": interpreter.doubles(value, 64) for field, value in artefact.items()}
    try:
        return f"value {_shown(interpreter.evaluate(parse_expression(expression), names))}"
    except interpreter.Missing as missing:
        return f"missing {missing}"
    except interpreter.Unjudgeable:
        return "error"


def _shown(value: Any) -> str:
    """A value with its types: a double, an int and a bool differ."""
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)
