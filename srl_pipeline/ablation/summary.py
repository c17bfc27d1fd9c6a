"""From the cells of an ablation to its table: a row an arm and regime, and the paired changes. Pure and JSON-able.

What is compared is fixed before anything is measured: SRL→RLVR and SRL against every other arm, by three measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.ablation.clustered import Observations, average, change, pooled, rate
from srl_pipeline.ablation.plan import ARMS, REGIMES, Arm, Plan, Regime
from srl_pipeline.ablation.regimes import regime_of
from srl_pipeline.ablation.results import Answers, Attempt, Calibration, Cell, StageCost
from srl_pipeline.ablation.run import Measured, Skipped
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.statistics import Estimate, Paired
from srl_pipeline.evaluation.summary import verdict

Measure: TypeAlias = Literal["greedy", "sampled", "steps"]
Word: TypeAlias = Literal["improved", "got worse", "undecided", "not measured"]
SUBJECTS: tuple[Arm, ...] = ("srl_rlvr", "srl")
"""Arms that are compared with every other one."""
WORDS: dict[str, Word] = {
    "improvement": "improved",
    "decline": "got worse",
    "no measurable difference": "undecided",
    "not measured": "not measured",
}


class Row(Record):
    """One arm in one regime. Rates are shares in 0..1; sampled means at temperature 1; costs are means over seeds."""

    regime: Regime
    arm: Arm
    seeds: int
    scenarios: int = Field(description="Distinct held-out scenarios, over all seeds.")
    greedy: Estimate = Field(description="Verified pass rate of greedy episodes.")
    sampled: Estimate = Field(description="Verified pass rate of sampled episodes.")
    steps: Estimate = Field(description="Steps right in a sampled episode.")
    exact_greedy: Estimate = Field(description="Share of greedy episodes that are the expert's very artefact.")
    exact_sampled: Estimate = Field(description="The same of sampled episodes.")
    format_greedy: Estimate
    format_sampled: Estimate
    training_scenarios: float
    generated_tokens: float
    trained_tokens: float
    updates: float
    seconds: float
    notes: list[str] = Field(description="What its stages said, by seed.")


class Comparison(Record):
    """One arm against another on the same scenarios and seeds."""

    regime: Regime
    after: Arm
    before: Arm
    measure: Measure
    change: Paired
    word: Word


class Calibrated(Record):
    """What the start of one seed solved before any arm was trained."""

    seed: int
    episodes: int = Field(description="A scenario.")
    train: dict[str, int] = Field(description="Training scenarios by regime, of all that were measured.")
    held_out: dict[str, int] = Field(description="Held-out scenarios by regime, of all that were measured.")
    pass_rate: float = Field(description="Over all held-out scenarios measured.")
    generated_tokens: int
    seconds: float


class AblationResults(Record):
    """All of it."""

    plan: str
    model_type: str
    preset: str
    token_budget: int
    srl_share: float
    samples: int
    hard_at_most: float
    easy_at_least: float
    confidence: float
    step_count: int = Field(description="Steps of a whole episode.")
    seeds: int
    warmups: list[StageCost]
    calibrations: list[Calibrated]
    skipped: list[Skipped]
    rows: list[Row]
    comparisons: list[Comparison]

    @property
    def regimes(self) -> list[Regime]:
        """Regimes that have rows."""
        return [regime for regime in REGIMES if any(row.regime == regime for row in self.rows)]


def summarise(plan: Plan, measured: Measured, config: PipelineConfig, *, seeds: int, steps: int) -> AblationResults:
    """The table of what was measured; ``steps`` is the number of steps of an episode."""
    confidence = config.evaluation.confidence
    by_arm: dict[tuple[Regime, Arm], list[Cell]] = {
        (regime, arm): [c for c in measured.cells if (c.regime, c.arm) == (regime, arm)]
        for regime in REGIMES
        for arm in ARMS
    }
    return AblationResults(
        plan=plan.digest,
        model_type=plan.model_type,
        preset=plan.preset,
        token_budget=config.ablation.token_budget,
        srl_share=config.ablation.srl_share,
        samples=config.ablation.samples,
        hard_at_most=config.ablation.hard_at_most,
        easy_at_least=config.ablation.easy_at_least,
        confidence=confidence,
        step_count=steps,
        seeds=seeds,
        warmups=[s.warmup for s in measured.starts if s.warmup],
        calibrations=[_calibrated(c, config) for c in measured.calibrations],
        skipped=measured.skipped,
        rows=[_row(regime, arm, cells, confidence) for (regime, arm), cells in by_arm.items() if cells],
        comparisons=[
            _compare(regime, before, after, measure, by_arm[regime, before], by_arm[regime, after], confidence)
            for regime in REGIMES
            for after, before in _pairs()
            if by_arm[regime, before] and by_arm[regime, after]
            for measure in _MEASURES
        ],
    )


def _pairs() -> list[tuple[Arm, Arm]]:
    """(after, before); SRL→RLVR against SRL is there once."""
    return [(after, before) for after in SUBJECTS for before in ARMS if before != after and (after, before) != _SAME]


_SAME: tuple[Arm, Arm] = ("srl", "srl_rlvr")


def _calibrated(found: Calibration, config: PipelineConfig) -> Calibrated:
    def count(rates: Sequence[float]) -> dict[str, int]:
        regimes = [regime_of(r, config.ablation) for r in rates]
        return {"measured": len(regimes)} | {regime: regimes.count(regime) for regime in REGIMES}

    held_out = [r.rate for r in found.held_out]
    return Calibrated(
        seed=found.seed,
        episodes=config.ablation.calibration_rollouts,
        train=count([r.rate for r in found.train]),
        held_out=count(held_out),
        pass_rate=math.fsum(held_out) / len(held_out) if held_out else 0.0,
        generated_tokens=found.generated_tokens,
        seconds=found.seconds,
    )


def _row(regime: Regime, arm: Arm, cells: Sequence[Cell], confidence: float) -> Row:
    def share(of: Callable[[Attempt], float | None], *, greedy: bool) -> Estimate:
        return rate(_observed(cells, of, greedy=greedy), confidence)

    greedy, sampled = _MEASURES["greedy"](cells), _MEASURES["sampled"](cells)
    return Row(
        regime=regime,
        arm=arm,
        seeds=len(cells),
        scenarios=len({a.scenario for c in cells for a in c.trial.answers}),
        greedy=rate(greedy, confidence),
        sampled=rate(sampled, confidence),
        steps=average(_MEASURES["steps"](cells), confidence),
        exact_greedy=share(_exact, greedy=True),
        exact_sampled=share(_exact, greedy=False),
        format_greedy=share(lambda a: float(a.format_ok), greedy=True),
        format_sampled=share(lambda a: float(a.format_ok), greedy=False),
        training_scenarios=_mean(c.training_scenarios for c in cells),
        generated_tokens=_mean(sum(s.generated_tokens for s in c.stages) for c in cells),
        trained_tokens=_mean(sum(s.trained_tokens for s in c.stages) for c in cells),
        updates=_mean(sum(s.updates for s in c.stages) for c in cells),
        seconds=_mean(math.fsum(s.seconds for s in c.stages) for c in cells),
        notes=[f"seed {c.seed}, {s.stage}: {s.note}" for c in cells for s in c.stages if s.note],
    )


def _compare(
    regime: Regime,
    before: Arm,
    after: Arm,
    measure: Measure,
    earlier: Sequence[Cell],
    later: Sequence[Cell],
    confidence: float,
) -> Comparison:
    of = _MEASURES[measure]
    found = change(of(earlier), of(later), confidence, shares=measure != "steps")
    word = WORDS[verdict(found, confidence)]
    if word == "not measured" and found.difference.value is not None:
        word = "undecided"  # all differences are equal: there is a value, and no interval can be had
    return Comparison(regime=regime, after=after, before=before, measure=measure, change=found, word=word)


def _observed(
    cells: Sequence[Cell], of: Callable[[Attempt], float | None], *, greedy: bool
) -> dict[tuple[int, str], float]:
    def attempts(answers: Answers) -> Iterable[Attempt]:
        return [answers.greedy] if greedy else answers.sampled

    return pooled(
        [
            (c.seed, a.scenario, [value for one in attempts(a) if (value := of(one)) is not None])
            for c in cells
            for a in c.trial.answers
        ]
    )


def _correct(attempt: Attempt) -> float:
    return float(attempt.correct)


def _exact(attempt: Attempt) -> float | None:
    return None if attempt.exact is None else float(attempt.exact)


_MEASURES: dict[Measure, Callable[[Sequence[Cell]], Observations]] = {
    "greedy": lambda cells: _observed(cells, _correct, greedy=True),
    "sampled": lambda cells: _observed(cells, _correct, greedy=False),
    "steps": lambda cells: _observed(cells, lambda a: float(a.steps_ok), greedy=False),
}


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)
