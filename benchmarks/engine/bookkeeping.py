"""What dynamic sampling adds to a step besides sampling and scoring: choosing, filtering, counting, its state."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from benchmarks.engine.cases import ROLLOUTS, Case, prompts, student
from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score, srl_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.rollouts.collector import Collector
from srl_pipeline.training.rollouts.sampling import Completion


class _Free:
    """A sampler and a task that cost nothing (named double): what is left is the bookkeeping."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion

    def sample(self, given: Sequence[Sequence[int]], *, per_prompt: int, **_: object) -> list[list[Completion]]:
        return [[self._completion] * per_prompt for _ in given]

    def stop(self, text: str) -> bool:
        return True

    def score(self, prompt: Prompt, text: str) -> Score:
        return _SCORE

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return srl_signal(scores, std_epsilon=0.0, format_weight=0.5)


_SCORE = Score(0.5, well_formed=True, correct=False, parts={"text": 0.5, "fields": 0.5, "rules": 0.5})


def bookkeeping_seconds(case: Case, count: int, repeats: int = 20) -> float:
    """Seconds a step of ``count`` prompts, mean of ``repeats``; no group is kept, so that every attempt is made."""
    loaded = student("auto")
    given = prompts(loaded.tokenizer, case, 4 * count)
    config = PolicyConfig(prompts_per_step=count, rollouts=ROLLOUTS, max_resamples=3)
    free = _Free(Completion(list(range(case.completion)), "", True, []))
    collector = Collector(given, free, config, seed=1)
    begun = time.perf_counter()
    for step in range(repeats):
        collector.collect(free, step)  # type: ignore[arg-type]
        json.dumps(collector.counts.dump())
    return (time.perf_counter() - begun) / repeats
