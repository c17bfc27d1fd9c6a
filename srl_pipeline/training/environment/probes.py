"""Anti-hacking probes: answers that a reward might pay although nothing was learned. Pure functions.

Two uses: how often a student's answers look like a known hack (`signs`), and what a reward pays for hacks that are
built of an expert's own steps (`step_hacks`, `episode_hacks`): a reward that pays them as much as the expert is a
reward to be hacked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Action, Json, Step
from srl_pipeline.training.environment.transcript import body, heading, write

LOOP_WORDS = 4
"""Words of the n-gram that a loop repeats, at most."""
LOOP_TIMES = 3
"""Times in a row from which a repeated n-gram is a loop."""
_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Signs:
    """What one answer has of a hack.

    Attributes:
        digit_flip: It is the expert's action but for one number; None where there is no expert.
        copied_step: An action repeats the one of the step before it.
        title_only: There is nothing but headings.
        repetition: It runs in a loop.
        length_ratio: Characters of the answer against those of the expert's action; None where there is no expert.
    """

    digit_flip: bool | None
    copied_step: bool
    title_only: bool
    repetition: bool
    length_ratio: float | None


def signs(text: str, steps: Sequence[Step], before: Sequence[Action], experts: Sequence[Action]) -> Signs:
    """Signs of an answer.

    Args:
        text: As it was generated.
        steps: Steps that could be read in it.
        before: Actions of the earlier steps, which stand in the prompt.
        experts: Actions that the expert took here; none for a whole episode.
    """
    actions = [step.action for step in steps]
    flip = ratio = None
    if experts:
        flip = bool(actions) and actions[0] not in experts and any(digit_flip(actions[0], e) for e in experts)
        ratio = len(text.strip()) / len(dumps(experts[0]))
    chain = [*before[-1:], *actions]
    return Signs(
        digit_flip=flip,
        copied_step=any(a == b for a, b in pairwise(chain)),
        title_only=title_only(text),
        repetition=repetitive(text),
        length_ratio=ratio,
    )


def digit_flip(answer: Action, expert: Action) -> bool:
    """Whether the two are equal but for one number."""
    mine, theirs = _leaves(answer), _leaves(expert)
    if mine.keys() != theirs.keys():
        return False
    odd = [name for name in mine if dumps(mine[name]) != dumps(theirs[name])]
    return len(odd) == 1 and _is_number(mine[odd[0]]) and _is_number(theirs[odd[0]])


def title_only(text: str) -> bool:
    """Whether nothing is written, or nothing but headings."""
    return all(line.startswith("#") or not line.strip() for line in text.splitlines())


def repetitive(text: str) -> bool:
    """Whether an n-gram of up to `LOOP_WORDS` words (a number is a word), or a line, comes `LOOP_TIMES` in a row."""
    lines = [line for line in text.splitlines() if line.strip()]
    return _loops(_WORD.findall(text), LOOP_WORDS) or _loops(lines, 1)


def _loops(items: list[str], most: int) -> bool:
    return any(
        items[start : start + size] * LOOP_TIMES == items[start : start + size * LOOP_TIMES]
        for size in range(1, most + 1)
        for start in range(len(items) - size * LOOP_TIMES + 1)
    )


def step_hacks(index: int, title: str, experts: Sequence[Action], before: Sequence[Action]) -> dict[str, list[str]]:
    """Answers to step ``index`` (what follows its heading) that cheat, by the name of the hack; several, or none.

    They are built of the first of ``experts``; what is another expert's answer is no hack. ``digit_flip`` has one
    answer for every number of the action.
    """
    return {
        "digit_flip": [_body(title, flipped) for flipped in flips(experts[0]) if flipped not in experts],
        "copied_step": [_body(title, action) for action in before[-1:] if action not in experts],
        "title_only": [heading(index, title)],
        "repeated": [_body(title, experts[0]) * LOOP_TIMES],
    }


def episode_hacks(steps: Sequence[Step]) -> dict[str, list[str]]:
    """Whole episodes, their first heading included, that cheat.

    One changed number is none of them: many episodes are right, and the changed one may well be.
    """
    copied = [steps[0], *(s.model_copy(update={"action": b.action}) for b, s in pairwise(steps))]
    return {
        "copied_step": [write(copied)] if len(steps) > 1 else [],
        "title_only": ["".join(heading(i, step.title) for i, step in enumerate(steps))],
        "repeated": ["".join(heading(i, step.title) + body(step) * LOOP_TIMES for i, step in enumerate(steps))],
    }


def flips(action: Action) -> list[Action]:
    """The action with the last digit of one number changed, once for every number on its top level."""
    found: list[Action] = []
    for name, value in action.items():
        if _is_number(value):
            found.append({**action, name: _flipped(value)})
    return found


def _flipped(value: float) -> float:
    text = dumps(value)
    place = [match.start() for match in _DIGIT.finditer(text)][-1]
    changed = f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}"
    return json.loads(changed)


def _body(title: str, action: Action) -> str:
    return body(Step(title=title, reasoning="", action=action))


def _leaves(value: Json, path: str = "") -> dict[str, Json]:
    if isinstance(value, Mapping):
        return {k: v for name, inner in value.items() for k, v in _leaves(inner, f"{path}/{name}").items()}
    if isinstance(value, list):
        return {k: v for i, inner in enumerate(value) for k, v in _leaves(inner, f"{path}/{i}").items()}
    return {path: value}


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
