"""CEL expressions, compiled once, bounded, over doubles.

Rules are data that a stranger may write, so an expression is bounded before it is compiled: length, nesting, number
of comprehensions, and none within another; lists in evidence are bounded by `Evidence`. CEL itself has no loops, no
recursion and no side effects, and its regular expressions run in linear time.

Every number is a double: CEL refuses to mix ints and doubles, which designers should not have to think about. Integer
literals are promoted when the expression is compiled, except as list indices. ``artefact.<field>`` becomes one flat
variable, so that a search may change one field without converting the whole artefact again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import cel
from cel import stdlib

from srl_pipeline.contracts import Facts, Json
from srl_pipeline.errors import RuleError

MAX_LENGTH: Final = 400
MAX_NESTING: Final = 12
MAX_COMPREHENSIONS: Final = 2
MAX_LIST: Final = 64

_TOKEN = re.compile(
    r"""(?P<odd>//|'''|\"\"\"|\b[rRbB]{1,2}(?=['"]))
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<artefact>\bartefact\s*\.\s*(?P<field>\w+))
      | (?P<path>\b(?:scenario|facts)(?:\s*\.\s*\w+\b(?!\s*\())+)
      | (?P<bare>\b(?:scenario|facts|artefact)\b)
      | (?P<number>(?<![\w.])\d+(?![\w.]))
      | (?P<macro>\.\s*(?:all|exists|exists_one|map|filter)\s*\()
      | (?P<open>[(\[{]) | (?P<close>[)\]}])""",
    re.VERBOSE,
)
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\Z")
_FUNCTIONS: Final = {
    "math.abs": stdlib.math_abs,
    "math.greatest": stdlib.math_greatest,
    "math.least": stdlib.math_least,
    "min": stdlib.min_,
    "max": stdlib.max_,
    "sum": stdlib.sum_,
}


@dataclass(frozen=True)
class Missing:
    """The evidence that an expression needs is not there."""

    name: str


class Evidence:
    """What expressions see: scenario axes, facts, and the fields of an artefact so far."""

    def __init__(self, axes: Mapping[str, Json], facts: Facts, artefact: Mapping[str, Json] | None = None) -> None:
        self.axes, self.facts, self.artefact = axes, facts, dict[str, Json]()
        self.context = cel.Context({"scenario": to_doubles(dict(axes)), "facts": to_doubles(facts)}, dict(_FUNCTIONS))
        for name, value in (artefact or {}).items():
            self.set(name, value)

    def set(self, field: str, value: Json) -> None:
        """Set one field of the artefact."""
        self.artefact[field] = value
        self.context.add_variable(f"artefact__{field}", to_doubles(value))


@dataclass(frozen=True)
class Expression:
    """A compiled expression and the evidence that it refers to."""

    source: str
    where: str
    program: cel.Program
    fields: frozenset[str]
    paths: frozenset[tuple[str, ...]]

    def evaluate(self, evidence: Evidence) -> Any:
        """The value, or `Missing`. Raises RuleError when the expression itself is wrong for its evidence."""
        try:
            return self.program.execute(evidence.context)
        except KeyError as error:
            return Missing(str(error.args[0]))
        except RuntimeError as error:
            if found := re.search(r"Undefined variable or function: 'artefact__(\w+)'", str(error)):
                return Missing(f"artefact.{found[1]}")
            raise self._wrong(error) from error
        except (TypeError, ValueError, ArithmeticError, IndexError) as error:
            raise self._wrong(error) from error

    def _wrong(self, error: Exception) -> RuleError:
        return RuleError(
            f"{self.source!r} fails: {error}",
            where=self.where,
            mend="All numbers are doubles: compare like with like, convert sizes with double(size(…)).",
        )


def compile_expression(source: str, *, where: str) -> Expression:
    """Compile ``source``; raises RuleError naming ``where`` when it is out of bounds or does not parse."""
    if len(source) > MAX_LENGTH:
        raise RuleError(f"Expression of {len(source)} characters.", where=where, mend=f"Use at most {MAX_LENGTH}.")
    plain = _TOKEN.sub(lambda m: " " * len(m[0]) if m["string"] else m[0], source)
    fields: set[str] = set()
    paths: set[tuple[str, ...]] = set()
    pieces: list[str] = []
    end = 0
    stack: list[str] = []
    comprehensions = 0
    for match in _TOKEN.finditer(source):
        pieces.append(source[end : match.start()])
        text, end = match[0], match.end()
        if match["odd"]:
            # Comments and the other kinds of quotes could hide a bracket from the bounds below.
            raise RuleError(
                f"{text} is not allowed in an expression.", where=where, mend="Leave comments out; quote words plainly."
            )
        if match["bare"]:
            raise _unknown(source, text, where)
        if match["artefact"]:
            fields.add(match["field"])
            text = f"artefact__{match['field']}"
        elif match["path"]:
            paths.add(tuple(re.split(r"\s*\.\s*", text)))
        elif match["number"]:
            text = text if _is_index(source, match.start(), match.end()) else f"{text}.0"
        elif match["macro"]:
            comprehensions += 1
            if _may_be_a_map(plain, match.start()):
                raise RuleError(
                    "A comprehension over a map, whose keys come in another order each time.",
                    where=where,
                    mend="Go through a list; use a map only to look a value up.",
                )
            if "macro" in stack:
                raise RuleError(
                    "A comprehension within another.",
                    where=where,
                    mend="Split the rule in two, each with one comprehension.",
                )
            stack.append("macro")
        elif match["open"]:
            stack.append(text)
        elif match["close"] and stack:
            stack.pop()
        if len(stack) > MAX_NESTING:
            raise RuleError(f"Nested deeper than {MAX_NESTING}.", where=where, mend="Split the rule.")
        pieces.append(text)
    if comprehensions > MAX_COMPREHENSIONS:
        raise RuleError(
            f"{comprehensions} comprehensions.", where=where, mend=f"Use at most {MAX_COMPREHENSIONS} a rule."
        )
    translated = "".join(pieces) + source[end:]
    try:
        program = cel.compile(translated)
    except ValueError as error:
        reason = re.search(r"ERROR: <input>:\d+:\d+: ([^\n]*)", str(error))
        raise RuleError(
            f"{source!r} does not parse: {reason[1] if reason else str(error).splitlines()[0]}.",
            where=where,
            mend="Correct the expression (CEL).",
        ) from error
    known = {"scenario", "facts"} | {f"artefact__{f}" for f in fields} | _bound(source)
    if unknown := set(program.variables()) - known:
        raise _unknown(source, sorted(unknown)[0], where)
    return Expression(source, where, program, frozenset(fields), frozenset(paths))


def _unknown(source: str, name: str, where: str) -> RuleError:
    return RuleError(
        f"{source!r} names {name!r}.",
        where=where,
        mend="Use scenario.<axis>, facts.<axis>.<fact> and artefact.<field>.",
    )


def to_doubles(value: Json) -> Json:
    """``value`` with every number a float; raises RuleError on lists that are too long."""
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, dict):
        return {k: to_doubles(v) for k, v in cast("dict[str, Json]", value).items()}
    items = cast("list[Json]", value)
    if len(items) > MAX_LIST:
        raise RuleError(f"A list of {len(items)} items.", where="evidence", mend=f"Use at most {MAX_LIST} items.")
    return [to_doubles(v) for v in items]


def _is_index(source: str, start: int, end: int) -> bool:
    """Whether the integer at ``start:end`` is a list index, as in ``artefact.ages[0]``."""
    before, after = source[:start].rstrip(), source[end:].lstrip()
    return bool(re.search(r"[\w)\]]\s*\[$", before) and not re.search(r"\bin\s*\[$", before) and after.startswith("]"))


def _may_be_a_map(plain: str, end: int) -> bool:
    """Whether a map may stand before ``end`` in ``plain``, which has no words in quotes: whatever may be one is.

    A list that a map is asked for (``{…}[key]``), or that a comprehension gives, is none.
    """
    start = end = len(plain[:end].rstrip())
    while start and plain[start - 1] in ")]}":
        depth, first = 0, start == end
        while start and (depth := depth + (plain[start - 1] in ")]}") - (plain[start - 1] in "([{")):
            start -= 1
        start = max(0, start - 1)
        if first and _MACRO.search(plain, 0, start):
            return False
        start = len(plain[:start].rstrip())
    depth = 0
    for char in plain[start:end]:
        if char == "{" and depth:
            return True
        depth += (char in "([{") - (char in ")]}")
    return plain[end - 1 : end] == "}"


def _bound(source: str) -> set[str]:
    """Names that comprehensions bind, and the namespace of functions."""
    return {m[1] for m in re.finditer(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,", source)} | {"math"}
