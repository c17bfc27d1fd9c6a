"""The text reward: the standard library's difflib against ours, on pairs as SRL meets them."""

from __future__ import annotations

import difflib
import random
from dataclasses import dataclass

from benchmarks.engine.cases import expert_actions
from benchmarks.engine.timing import Pair, side_by_side
from srl_pipeline.canonical import dumps
from srl_pipeline.training.environment.similarity import ratio


@dataclass(frozen=True)
class Rewards:
    """Seconds for all pairs; ``different`` counts pairs whose values are not the very same number."""

    pairs: int
    mean_length: float
    different: int
    times: Pair


def measure_rewards(count: int, repeats: int, seed: int = 5) -> Rewards:
    """Expert actions against themselves with seeded edits, short ones and long ones (several steps in one text)."""
    pairs = _pairs(count, seed)
    different = sum(_difflib(a, b) != ratio(a, b, autojunk=False) for a, b in pairs)
    times = side_by_side(
        lambda: [_difflib(a, b) for a, b in pairs], lambda: [ratio(a, b, autojunk=False) for a, b in pairs], repeats
    )
    return Rewards(count, sum(len(b) for _, b in pairs) / count, different, times)


def _difflib(student: str, expert: str) -> float:
    return difflib.SequenceMatcher(None, student, expert, autojunk=False).ratio()


def _pairs(count: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    texts = [dumps(action) for action in expert_actions()]
    found: list[tuple[str, str]] = []
    for _ in range(count):
        expert = "".join(rng.choice(texts) for _ in range(rng.choice((1, 1, 4))))
        found.append((_edited(rng.choice((expert, rng.choice(texts))), rng), expert))
    return found


def _edited(text: str, rng: random.Random) -> str:
    letters = list(text)
    for _ in range(rng.randrange(0, 12)):
        letters[rng.randrange(len(letters))] = rng.choice('abcdefghij0123456789":,{}')
    return "".join(letters)
