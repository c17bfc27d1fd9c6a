"""Where the candidate is worse than the promoted model, scenario by scenario on the same held-out set. Pure.

Each figure is compared on every scenario that both tried; of the scenarios where it differs, those that are worse are
counted (for rates that is McNemar's test, for the reward the sign test; exact and one-sided). Two families are held to
the false discovery rate: the figures over all scenarios, and the share solved in every slice. Pairs of values are left
out: what changed between two models is told by value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srl_pipeline.config.promotion import WeaknessConfig
from srl_pipeline.evaluation.results import Episode, StageResult
from srl_pipeline.evaluation.statistics import Estimate, mean, paired
from srl_pipeline.tracking import METRICS, gain
from srl_pipeline.weaknesses.exact import benjamini_hochberg, sign_tail
from srl_pipeline.weaknesses.records import Part, Regression
from srl_pipeline.weaknesses.slices import single_slices
from srl_pipeline.weaknesses.wording import regression_sentence

SAMPLES = 3
REWARD = "reward_mean"
OF_EPISODE: dict[str, Callable[[Episode], float]] = {
    "pass_rate": lambda e: float(e.correct),
    REWARD: lambda e: e.reward,
    "format_rate": lambda e: float(e.format_ok),
    "hard_violation_rate": lambda e: float(bool(e.hard_broken)),
}
"""Figure -> what it is of one episode."""
Both = tuple[Episode, Episode]
"""One scenario, by the promoted model and by the candidate."""


@dataclass(frozen=True)
class PairedTest:
    """One figure in one slice, in both models."""

    figure: str
    part: Part | None
    worse: list[str]  # scenario ids
    better: int
    pairs: list[Both]

    @property
    def p(self) -> float:
        return sign_tail(len(self.worse), self.better)

    @property
    def least_p(self) -> float:
        return 0.5 ** (len(self.worse) + self.better)


def regressions(
    candidate: StageResult, promoted: StageResult, settings: WeaknessConfig, confidence: float
) -> tuple[list[Regression], int]:
    """What is worse, and how many comparisons could be tested.

    First over all scenarios, then by slice; the greatest effect first.
    """
    before = {e.scenario_id: e for e in promoted.episodes}
    pairs = [(before[e.scenario_id], e) for e in candidate.episodes if e.scenario_id in before]
    overall = [_test(figure, None, pairs) for figure in OF_EPISODE]
    slices = [
        _test("pass_rate", one.part, [pair for i, pair in enumerate(pairs) if one.mask >> i & 1])
        for one in single_slices([after for _, after in pairs], settings.min_scenarios)
        if one.n < len(pairs)
    ]
    level = settings.false_discovery_rate
    families = [[test for test in family if test.least_p <= level] for family in (overall, slices)]
    found: list[Regression] = []
    for family in families:
        adjusted = benjamini_hochberg([test.p for test in family])
        worse = [(test, q) for test, q in zip(family, adjusted, strict=True) if q <= level]
        found += sorted((_told(test, q, confidence) for test, q in worse), key=lambda r: (-r.effect, r.p))
    return found, sum(len(family) for family in families)


def _test(figure: str, part: Part | None, pairs: Sequence[Both]) -> PairedTest:
    of = OF_EPISODE[figure]
    measured = [(b, a) for b, a in pairs if math.isfinite(of(b)) and math.isfinite(of(a))]
    gains = [gain(figure, of(b), of(a)) for b, a in measured]
    worse = [a.scenario_id for (_, a), change in zip(measured, gains, strict=True) if change < 0]
    return PairedTest(figure, part, worse, sum(change > 0 for change in gains), measured)


def _told(test: PairedTest, q: float, confidence: float) -> Regression:
    change = _change(test, confidence)
    value = change.value or 0.0
    low, high = (None, None) if change.low is None or change.high is None else (-change.high, -change.low)
    n, lost = len(test.pairs), len(test.worse)
    return Regression(
        figure=test.figure,
        part=test.part,
        n=n,
        lost=lost,
        gained=test.better,
        effect=-value,
        low=low,
        high=high,
        p=test.p,
        q=q,
        samples=test.worse[:SAMPLES],
        sentence=regression_sentence(test.figure, test.part, n, lost, test.better),
    )


def _change(test: PairedTest, confidence: float) -> Estimate:
    """How much better the figure is, with its interval: of rates Newcombe's, of the reward a bootstrap."""
    of = OF_EPISODE[test.figure]
    if test.figure == REWARD:
        return mean([gain(REWARD, of(b), of(a)) for b, a in test.pairs], confidence)
    good = METRICS[test.figure].better == "higher"
    before, after = ([bool(of(e)) is good for e in episodes] for episodes in zip(*test.pairs, strict=True))
    return paired(before, after, confidence).difference
