"""Run an ablation: start, calibration, then a cell for every arm of every regime; what is finished is found.

<folder>/plan.json
<folder>/seed-1/hard/srl/result.json, adapter/
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.ablation.arms import ADAPTER
from srl_pipeline.ablation.laboratory import Laboratory
from srl_pipeline.ablation.plan import STARTS, TRAINED, Arm, Place, Regime
from srl_pipeline.ablation.progress import Forecast
from srl_pipeline.ablation.regimes import Scenarios, lacking, scenarios_of
from srl_pipeline.ablation.results import RESULT, Calibration, Cell, Start, Trial, made_or_found
from srl_pipeline.ablation.starts import Starts
from srl_pipeline.clock import StopWatch
from srl_pipeline.config import AblationConfig
from srl_pipeline.contracts import Record
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.artifacts import disk_errors

log = logging.getLogger("srl_pipeline.ablation")


class Skipped(Record):
    """A regime that could not be shown with one seed, and why."""

    seed: int
    regime: Regime
    reason: str


@dataclass(frozen=True)
class Measured:
    """All parts of an ablation."""

    starts: list[Start]
    calibrations: list[Calibration]
    cells: list[Cell]
    skipped: list[Skipped]


@dataclass(frozen=True)
class Ablation:
    """What is asked for, and where it is done.

    Attributes:
        cells: Where the cells lie.
        starts: Where the starts lie.
        seeds: How many; they are numbered from 1.
        arms: Those that are trained; base and start are evaluated in any case.
    """

    cells: Place
    starts: Place
    config: AblationConfig
    laboratory: Laboratory
    seeds: int
    regimes: Sequence[Regime]
    arms: Sequence[Arm]


def run_ablation(asked: Ablation) -> Measured:
    """Make every part, or find it. Raises PipelineError when no regime can be shown with any seed."""
    asked.laboratory.check([arm for arm in TRAINED if arm in asked.arms])
    found = Measured([], [], [], [])
    forecast = Forecast([kind for _ in range(asked.seeds) for kind in _kinds(asked)])
    for seed in range(1, asked.seeds + 1):
        _run_seed(asked, seed, found, forecast)
    if not found.cells:
        reasons = "; ".join(f"seed {s.seed}, {s.regime}: {s.reason}" for s in found.skipped)
        raise PipelineError(
            f"No regime has enough scenarios. {reasons}.",
            where=str(asked.cells.folder),
            mend="Measure more candidates (ablation.train_candidates, ablation.held_out_candidates, "
            "generation.scenarios), lower ablation.min_*_scenarios, or change the warm-up.",
        )
    return found


def _kinds(asked: Ablation) -> Iterator[str]:
    """The parts of one seed, by kind: those of a kind take about the same time."""
    yield from ("start", "calibration")
    for _ in asked.regimes:
        yield from _arms(asked)


def _arms(asked: Ablation) -> list[Arm]:
    return [*STARTS, *(arm for arm in TRAINED if arm in asked.arms)]


def _run_seed(asked: Ablation, seed: int, found: Measured, forecast: Forecast) -> None:
    starts = Starts(asked.starts, asked.laboratory)
    start, weights = starts.start(seed)
    forecast.finished("start", start.warmup.seconds if start.warmup else 0.0)
    log.info("seed %d: start is %s; %s", seed, "the warm-up" if start.warmup else "the base model", forecast)
    calibration = starts.calibration(seed, weights)
    forecast.finished("calibration", calibration.seconds)
    log.info("seed %d: pass rates measured; %s", seed, forecast)
    found.starts.append(start)
    found.calibrations.append(calibration)
    for regime in asked.regimes:
        scenarios = scenarios_of(regime, calibration, asked.config)
        if reason := lacking(scenarios, calibration, asked.config):
            log.warning("seed %d: regime %s is left out: %s", seed, regime, reason)
            found.skipped.append(Skipped(seed=seed, regime=regime, reason=reason))
            for arm in _arms(asked):
                forecast.dropped(arm)
            continue
        for arm in _arms(asked):
            if arm == "warmup" and weights is None:
                forecast.dropped(arm)
                continue
            cell = _cell(asked, seed, regime, arm, weights, scenarios)
            forecast.finished(arm, sum(s.seconds for s in cell.stages) + cell.trial.seconds)
            log.info("seed %d, %s, %s: done; %s", seed, regime, arm, forecast)
            found.cells.append(cell)


def _cell(asked: Ablation, seed: int, regime: Regime, arm: Arm, start: Path | None, scenarios: Scenarios) -> Cell:
    folder = asked.cells.folder / f"seed-{seed}" / regime / arm

    def make() -> Cell:
        log.info("seed %d, %s, %s: begun", seed, regime, arm)
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        trained = arm not in STARTS
        stages = asked.laboratory.train(arm, seed, start, scenarios.train, folder) if trained else []
        weights = folder / ADAPTER if trained else start if arm == "warmup" else None
        watch = StopWatch()
        answers = asked.laboratory.examine(seed, weights, scenarios.held_out)
        return Cell(
            plan=asked.cells.plan,
            seed=seed,
            regime=regime,
            arm=arm,
            training_scenarios=len(scenarios.train) if trained else 0,
            stages=stages,
            trial=Trial(answers=answers, seconds=watch.seconds),
        )

    return made_or_found(folder / RESULT, Cell, asked.cells.plan, make)
