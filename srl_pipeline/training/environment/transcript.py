"""The transcript grammar: the only place that knows how a solution is written as text.

    ## 1. Materials
    <think>Karst Hollow quarries limestone and granite.</think>
    {"roof":"slate","stone":"limestone"}
    ## 2. Massing
    …

A step is a heading, an optional monologue on one line, and one line of canonical JSON. Steps follow one another
without blank lines, so the N step instances of a trajectory and its whole episode are prefixes of one text. Parsing
is total: any text gives steps or a `FormatError`, never an exception.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Action, Step

GRAMMAR_VERSION: Final = 1
MAX_CHARACTERS: Final = 20_000
MAX_DEPTH: Final = 16
"""Objects and lists within one another that an action may have."""
_HEADING, _THOUGHT, _ACTION = "## ", "<think>", "{"
_THINK = re.compile(r"<think>([^\n]*)</think>\s*\Z")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class FormatError:
    """Why a text is not a step, and which step it is (0-based)."""

    step: int
    reason: str


@dataclass(frozen=True)
class Episode:
    """The steps that could be read, in order, and the error that ended the reading, if any."""

    steps: list[Step]
    error: FormatError | None


def heading(index: int, title: str) -> str:
    """The first line of step ``index`` (0-based), newline included."""
    return f"## {index + 1}. {title}\n"


def body(step: Step) -> str:
    """What follows the heading: monologue and action."""
    think = f"<think>{step.reasoning}</think>\n" if step.reasoning else ""
    return f"{think}{dumps(step.action)}\n"


def write(steps: Sequence[Step]) -> str:
    """The transcript of ``steps``."""
    return "".join(heading(i, step.title) + body(step) for i, step in enumerate(steps))


def parse_body(text: str, index: int, title: str) -> Step | FormatError:
    """Read what follows a heading: exactly one step body."""
    if len(text) > MAX_CHARACTERS:
        return FormatError(index, f"more than {MAX_CHARACTERS} characters")
    lines = text.rstrip().split("\n")
    reasoning = ""
    if len(lines) == 2:
        match = _THINK.match(lines[0])
        if not match:
            return FormatError(index, "the line before the action is not <think>…</think>")
        reasoning = match[1].strip()
    elif len(lines) != 1:
        return FormatError(index, f"{len(lines)} lines; one monologue at most and one action are expected")
    action = parse_action(lines[-1])
    if isinstance(action, str):
        return FormatError(index, action)
    step = Step(title=title, reasoning=reasoning, action=action)
    written = body(step)
    if _HALF_CHARACTER.search(written):  # an escape makes one; no file or database takes it
        return FormatError(index, "half a character")
    if len(written) > MAX_CHARACTERS:  # 1e308 has 309 characters in canonical JSON
        return FormatError(index, f"more than {MAX_CHARACTERS} characters when its numbers are written out")
    return step


def parse_action(line: str) -> Action | str:
    """A JSON object on one line, or why it is none. Duplicate keys, NaN and deep nesting are errors."""
    if not line.startswith("{"):
        return "the action is not a JSON object"
    try:
        value = json.loads(line, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=_integer)
        if _deeper(value, MAX_DEPTH):
            return f"the action is nested deeper than {MAX_DEPTH}"
        dumps(value)
    except (ValueError, RecursionError) as error:
        return f"the action is not JSON: {str(error)[:80]}"
    return value


def parse(text: str, titles: Sequence[str]) -> Episode:
    """Read a whole episode that begins with its first heading; stops at the first error."""
    steps: list[Step] = []
    rest = text.rstrip()
    if len(rest) > MAX_CHARACTERS:
        return Episode(steps, FormatError(0, f"more than {MAX_CHARACTERS} characters"))
    for index, title in enumerate(titles):
        first, newline, rest = rest.partition("\n")
        if f"{first}\n" != heading(index, title) or not newline:
            return Episode(steps, FormatError(index, f"expected the heading '{heading(index, title).strip()}'"))
        end = rest.find("\n## ")
        if end >= 0 and not rest[:end].rpartition("\n")[2].strip():
            return Episode(steps, FormatError(index, "a blank line"))
        piece, rest = (rest, "") if end < 0 else (rest[: end + 1], rest[end + 1 :])
        step = parse_body(piece, index, title)
        if isinstance(step, FormatError):
            return Episode(steps, step)
        steps.append(step)
    return Episode(steps, FormatError(len(titles), "text after the last step") if rest.strip() else None)


def ends(text: str, actions: int) -> bool:
    """Whether generated ``text`` need not go on: ``actions`` action lines are written, or no step can come of it.

    Generation begins right after a heading. The last line may be unfinished: it counts by how it begins.
    """
    *lines, unfinished = text.split("\n")
    written = 0
    expect = "body"
    for line in lines:
        if expect == "heading":
            if not line.startswith(_HEADING):
                return True
            expect = "body"
        elif line.startswith(_THOUGHT) and expect == "body":
            if "</think>" not in line:
                return True
            expect = "action"
        elif line.startswith(_ACTION):
            written += 1
            if written == actions:
                return True
            expect = "heading"
        else:
            return True
    allowed = {"heading": [_HEADING], "body": [_THOUGHT, _ACTION], "action": [_ACTION]}[expect]
    return not any(unfinished.startswith(begin[: len(unfinished)]) for begin in allowed)


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result


def _deeper(value: object, levels: int) -> bool:
    """Whether objects and lists stand in one another more than ``levels`` deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(_deeper(v, levels - 1) for v in inner))


def _integer(text: str) -> int:
    if math.isinf(float(text)):  # all that follows computes in doubles
        raise ValueError("a number too large for a double")
    return int(text)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
