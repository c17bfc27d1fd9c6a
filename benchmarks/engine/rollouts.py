"""Sampling 128 rollouts: `generate` over repeated prompts against our sampler, which prefills a prompt once."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.engine import ours, stock
from benchmarks.engine.cases import ROLLOUTS, Case, prompts, student
from benchmarks.engine.timing import Pair, side_by_side
from srl_pipeline.training.rollouts.sampling import Sampler


@dataclass(frozen=True)
class Rollouts:
    """Times of one batch of ``rows`` completions of exact length."""

    case: Case
    rows: int
    times: Pair

    @property
    def tokens_per_second(self) -> tuple[float, float]:
        """Of stock and of ours."""
        tokens = self.rows * self.case.completion
        return tokens / self.times.stock_median, tokens / self.times.ours_median


def measure_rollouts(case: Case, rows: int, repeats: int) -> Rollouts:
    """Both with an adapter, as in training."""
    loaded = student("auto")
    given = prompts(loaded.tokenizer, case, rows // ROLLOUTS)
    plain = stock.adapted(loaded).eval()
    again = student("auto")
    sampler = ours.endless(Sampler(ours.adapted(again).eval(), again.tokenizer))
    times = side_by_side(
        lambda: stock.generate(plain, loaded, given, case), lambda: ours.generate(sampler, given, case), repeats
    )
    return Rollouts(case, rows, times)
