"""Dynamic sampling against a plain replay of what the text says: keep above a std, refill until full, count."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score, paper_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.rollouts.collector import Batch, Collector, Counts
from srl_pipeline.training.rollouts.sampling import Completion

from ..world import SCENARIO, policy_config

EPSILON = 0.2


class RandomRewards:
    """Completions whose text is their reward; a third of the groups varies little. Named double of `Sampler`."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def sample(self, prompts: Sequence[Sequence[int]], *, per_prompt: int, seed: int, **_: Any) -> Any:
        self.asked.append(len(prompts))
        found: list[list[Completion]] = []
        for place, ids in enumerate(prompts):
            rng = random.Random(seed * 1000 + place)
            width = rng.choice([0.0, 0.1, 1.0])
            rows = [rng.uniform(0.5 - width / 2, 0.5 + width / 2) for _ in range(per_prompt)]
            found.append([Completion([ids[0]] * (1 + i), repr(r), True, []) for i, r in enumerate(rows)])
        return found


class Literal:
    """Scores a completion by the number that it is. Named double of a task."""

    def stop(self, text: str) -> bool:
        return True

    def score(self, prompt: Prompt, text: str) -> Score:
        return Score(float(text), well_formed=True, correct=False)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return paper_signal(scores, std_epsilon=EPSILON)


def collector(**changes: Any) -> tuple[Collector, RandomRewards]:
    settings: PolicyConfig = policy_config(**({"prompts_per_step": 6, "rollouts": 8, "max_resamples": 4} | changes))
    given = [Prompt(f"k{i}", [i], SCENARIO, None, [], []) for i in range(17)]
    task: Any = Literal()
    return Collector(given, task, settings, seed=3), RandomRewards()


def varies(group: Any) -> bool:
    """The text's filter: sqrt(sum (r - mean)^2 / G) above the threshold."""
    rewards = np.array([s.reward for s in group.scores], dtype=np.float64)
    return float(np.sqrt(((rewards - rewards.mean()) ** 2).sum() / len(rewards))) > EPSILON


def replay(batch: Batch, size: int, rounds: int) -> tuple[list[Any], list[int]]:
    """Which groups are kept and how many were asked for in each round, recomputed from the rewards alone."""
    kept: list[Any] = []
    asked: list[int] = []
    rest = list(batch.sampled)
    while len(kept) < size and len(asked) < rounds:
        asked.append(size - len(kept))
        now, rest = rest[: asked[-1]], rest[asked[-1] :]
        kept += [g for g in now if varies(g)]
    assert not rest
    return kept, asked


@pytest.mark.parametrize("resamples", [0, 1, 4, 20])
def test_groups_are_kept_above_the_threshold_and_refilled_until_the_batch_is_full_or_attempts_end(
    resamples: int,
) -> None:
    found, sampler = collector(max_resamples=resamples)
    full = 0
    for step in range(12):
        sampler.asked.clear()
        batch = found.collect(sampler, step)  # type: ignore[arg-type]
        kept, asked = replay(batch, 6, resamples + 1)
        assert batch.kept == kept and sampler.asked == asked and batch.attempts == len(asked)
        full += len(kept) == 6
    assert full == 12 if resamples == 20 else full < 12


def test_counts_are_those_of_a_plain_tally() -> None:
    found, sampler = collector()
    batches = [found.collect(sampler, step) for step in range(9)]  # type: ignore[arg-type]
    sampled, kept = ([g for b in batches for g in groups(b)] for groups in (lambda b: b.sampled, lambda b: b.kept))
    tokens = sum(range(1, 9))  # of one group of eight
    expected = Counts(
        cursor=len(sampled),
        sampled=len(sampled),
        kept=len(kept),
        generated_tokens=tokens * len(sampled),
        trained_tokens=tokens * len(kept),
        updates=sum(bool(b.kept) for b in batches),
    )
    assert found.counts == expected and 0 < len(kept) < len(sampled)
    assert found.productive == {g.prompt.key for g in kept}


def test_the_state_is_a_few_numbers_from_which_sampling_goes_on_exactly() -> None:
    whole, sampler = collector()
    expected = [whole.collect(sampler, step) for step in range(6)]  # type: ignore[arg-type]
    first, second = collector(), collector()
    found = [first[0].collect(first[1], step) for step in range(3)]  # type: ignore[arg-type]
    second[0].counts = Counts(**json.loads(json.dumps(first[0].counts.dump())))
    found += [second[0].collect(second[1], step) for step in range(3, 6)]  # type: ignore[arg-type]
    assert found == expected and second[0].counts == whole.counts
