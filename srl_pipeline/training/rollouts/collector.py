"""Dynamic sampling with refill: draw prompts, sample, keep groups with signal, until the batch is full or attempts end.

TRL has no dynamic sampling. Which prompt comes next depends only on the seed and on how many were drawn before (the
cursor), and what is sampled only on the seed, the step and the attempt: cursor and counts are the whole state, so a
resumed run goes on exactly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Task
from srl_pipeline.training.rollouts.sampling import Completion, Sampler

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

    def dump(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Batch:
    """Groups for one optimizer step (those with signal) and all that were sampled on the way."""

    kept: list[Group]
    sampled: list[Group]
    attempts: int


class Collector:
    """Fills batches from a list of prompts."""

    def __init__(self, prompts: Sequence[Prompt], task: Task, config: PolicyConfig, seed: int) -> None:
        self._prompts, self._task, self._config, self._seed = prompts, task, config, seed
        self.counts = Counts()
        self.productive: set[str] = set()
        """Keys of prompts that ever gave a gradient."""

    def collect(self, sampler: Sampler, step: int) -> Batch:
        """Groups for optimizer step ``step``."""
        config = self._config
        kept: list[Group] = []
        sampled: list[Group] = []
        attempt = 0
        while len(kept) < config.prompts_per_step and attempt <= config.max_resamples:
            prompts = [self._next() for _ in range(config.prompts_per_step - len(kept))]
            groups = self.sample(sampler, prompts, seed=seed_of(self._seed, step, attempt))
            sampled += groups
            kept += [g for g in groups if g.signal.kept]
            attempt += 1
        self.counts.sampled += len(sampled)
        self.counts.kept += len(kept)
        self.counts.idle = 0 if kept else self.counts.idle + 1
        self.counts.updates += bool(kept)
        self.counts.generated_tokens += sum(len(c.ids) for g in sampled for c in g.completions)
        self.counts.trained_tokens += sum(len(c.ids) for g in kept for c in g.completions)
        self.productive |= {g.prompt.key for g in kept}
        return Batch(kept, sampled, attempt)

    def sample(self, sampler: Sampler, prompts: Sequence[Prompt], *, seed: int) -> list[Group]:
        """One group for each prompt."""
        config = self._config
        found = sampler.sample(
            [p.ids for p in prompts],
            per_prompt=config.rollouts,
            max_tokens=config.max_tokens,
            temperature=config.temperature,
            seed=seed,
            stop=self._task.stop,
        )
        groups: list[Group] = []
        for prompt, completions in zip(prompts, found, strict=True):
            scores = [self._task.score(prompt, c.text) for c in completions]
            groups.append(Group(prompt, completions, scores, self._task.signal(scores)))
        return groups

    def greedy(self, sampler: Sampler, prompts: Sequence[Prompt]) -> list[Group]:
        """Greedy answers: groups of one, which carry no advantage."""
        found = sampler.sample(
            [p.ids for p in prompts],
            per_prompt=1,
            max_tokens=self._config.max_tokens,
            temperature=0.0,
            seed=0,
            stop=self._task.stop,
        )
        scores = [[self._task.score(p, c[0].text)] for p, c in zip(prompts, found, strict=True)]
        return [Group(p, c, s, NO_SIGNAL) for p, c, s in zip(prompts, found, scores, strict=True)]

    def _next(self) -> Prompt:
        """The prompt at the cursor of an endless sequence of seeded permutations."""
        epoch, place = divmod(self.counts.cursor, len(self._prompts))
        order = list(range(len(self._prompts)))
        random.Random(seed_of(self._seed, "epoch", epoch)).shuffle(order)
        self.counts.cursor += 1
        return self._prompts[order[place]]
