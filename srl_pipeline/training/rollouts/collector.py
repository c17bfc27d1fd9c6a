"""Dynamic sampling with refill: draw prompts, sample, keep groups with signal, until the batch is full or attempts end.

TRL has no dynamic sampling. Which prompt comes next depends only on the seed and on how many were drawn before (the
cursor), and what is sampled only on the seed, the step and the attempt: cursor and counts are the whole state, so a
resumed run goes on exactly.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Task
from srl_pipeline.training.peers import ALONE, Peers
from srl_pipeline.training.rollouts.sampling import Completion, Sampler
from srl_pipeline.training.rollouts.token_budget import affordable, next_batch

NO_SIGNAL = GroupSignal([0.0], kept=False, std=0.0)


@dataclass(frozen=True)
class Group:
    """A prompt, its completions, what they earned."""

    prompt: Prompt
    completions: list[Completion]
    scores: list[Score]
    signal: GroupSignal


@dataclass
class Counts:
    """What was sampled since the stage began. Saved in every checkpoint."""

    cursor: int = 0
    sampled: int = 0
    kept: int = 0
    generated_tokens: int = 0
    trained_tokens: int = 0
    updates: int = 0
    idle: int = 0

    @property
    def tokens(self) -> int:
        """Generated and trained: what a token budget counts."""
        return self.generated_tokens + self.trained_tokens

    def dump(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Batch:
    """Groups for one optimizer step (those with signal) and all that were sampled on the way.

    ``reward_seconds`` is the time that scoring took, of all that collecting took.
    """

    kept: list[Group]
    sampled: list[Group]
    attempts: int
    reward_seconds: float = field(default=0.0, compare=False)


class Collector:
    """Fills batches from a list of prompts."""

    def __init__(
        self, prompts: Sequence[Prompt], task: Task, config: PolicyConfig, seed: int, peers: Peers = ALONE
    ) -> None:
        self.prompts, self.task, self._peers = prompts, task, peers
        self._units = by_family(prompts) if config.draw == "trajectories" else [[p] for p in prompts]
        self._config, self._seed = config, seed
        self._reward_seconds = 0.0
        self.counts = Counts()
        self.productive: set[str] = set()
        """Keys of prompts that ever gave a gradient."""

    def collect(self, sampler: Sampler, step: int) -> Batch:
        """Groups for optimizer step ``step``."""
        config, counts = self._config, self.counts
        kept: list[Group] = []
        sampled: list[Group] = []
        attempt, self._reward_seconds = 0, 0.0
        # whether there is a next batch at all is decided after each step, by the stage's budget
        wanted = max(1, next_batch(counts, config.token_budget, config.prompts_per_step))
        lacking: float = wanted
        while lacking >= 1 and attempt <= config.max_resamples:
            prompts = self._draw(round(lacking))
            groups = self.sample(sampler, prompts, seed=seed_of(self._seed, step, attempt))
            useful = [g for g in groups if g.signal.kept]
            sampled += groups
            kept += useful
            counts.sampled += len(groups)
            counts.kept += len(useful)
            counts.generated_tokens += sum(len(c.ids) for g in groups for c in g.completions)
            counts.trained_tokens += sum(len(c.ids) for g in useful for c in g.completions)
            attempt += 1
            lacking = min(wanted - len(kept), affordable(counts, config.token_budget))
        counts.idle = 0 if kept else counts.idle + 1
        counts.updates += bool(kept)
        self.productive |= {g.prompt.key for g in kept}
        return Batch(kept, sampled, attempt, self._reward_seconds)

    def sample(self, sampler: Sampler, prompts: Sequence[Prompt], *, seed: int) -> list[Group]:
        """One group for each prompt."""
        config = self._config
        answers = self._answers(sampler, prompts, per_prompt=config.rollouts, temperature=config.temperature, seed=seed)
        return [
            Group(prompt, completions, scores, self.task.signal(scores))
            for prompt, (completions, scores) in zip(prompts, answers, strict=True)
        ]

    def greedy(self, sampler: Sampler, prompts: Sequence[Prompt]) -> list[Group]:
        """Greedy answers: groups of one, which carry no advantage."""
        answers = self._answers(sampler, prompts, per_prompt=1, temperature=0.0, seed=0)
        return [Group(prompt, *answer, NO_SIGNAL) for prompt, answer in zip(prompts, answers, strict=True)]

    def _answers(
        self, sampler: Sampler, prompts: Sequence[Prompt], **how: Any
    ) -> list[tuple[list[Completion], list[Score]]]:
        """Completions and scores of each prompt. Every process samples and scores its share; all get all of them."""
        mine = self._peers.mine(prompts)
        found = sampler.sample(
            [p.ids for p in mine],
            max_tokens=self._config.max_tokens,
            stop=self.task.stop,
            first=self._peers.start(len(prompts)),
            **how,
        )
        begun = time.perf_counter()
        answers = [
            (completions, [self.task.score(prompt, c.text) for c in completions])
            for prompt, completions in zip(mine, found, strict=True)
        ]
        self._reward_seconds += time.perf_counter() - begun
        if self._peers.count == 1:
            return answers
        said = self._peers.together([[[asdict(c) for c in cs], [asdict(s) for s in ss]] for cs, ss in answers])
        return [([Completion(**c) for c in cs], [Score(**s) for s in ss]) for cs, ss in said]

    def _draw(self, least: int) -> list[Prompt]:
        """At least so many prompts; only whole trajectories where those are drawn."""
        drawn: list[Prompt] = []
        while len(drawn) < least:
            drawn += self._next()
        return drawn

    def _next(self) -> list[Prompt]:
        """What stands at the cursor of an endless sequence of seeded permutations."""
        epoch, place = divmod(self.counts.cursor, len(self._units))
        order = list(range(len(self._units)))
        random.Random(seed_of(self._seed, "epoch", epoch)).shuffle(order)
        self.counts.cursor += 1
        return self._units[order[place]]


def by_family(prompts: Sequence[Prompt]) -> list[list[Prompt]]:
    """Prompts of one trajectory together, in the order of the first of each."""
    families: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        families.setdefault(prompt.family, []).append(prompt)
    return list(families.values())
