"""Constructed cells and calibrations, and a laboratory that trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srl_pipeline.ablation.plan import REGIMES, TRAINED, Arm, Place, Plan, Regime
from srl_pipeline.ablation.results import Answers, Attempt, Calibration, Cell, ScenarioRate, StageCost, Trial
from srl_pipeline.ablation.run import Ablation
from srl_pipeline.config import AblationConfig

PLAN = Plan(model_type="houses", preset="test", inputs={}, config={}, computes="cpu, float32", code="c")
CONFIG = AblationConfig(
    token_budget=1000,
    calibration_rollouts=2,
    train_scenarios=8,
    held_out_scenarios=8,
    min_train_scenarios=2,
    min_held_out_scenarios=2,
    samples=2,
)


def attempt(correct: bool, **changes: object) -> Attempt:
    """An episode of five steps."""
    values: dict[str, object] = {
        "correct": correct,
        "format_ok": True,
        "steps_ok": 5 if correct else 2,
        "exact": correct,
        "tokens": 40,
    }
    return Attempt.model_validate(values | changes)


def answers(scenario: str, greedy: bool, sampled: Sequence[bool]) -> Answers:
    return Answers(scenario=scenario, greedy=attempt(greedy), sampled=[attempt(one) for one in sampled])


def cost(stage: str = "srl", **changes: object) -> StageCost:
    values: dict[str, object] = {
        "stage": stage,
        "steps": 4,
        "updates": 3,
        "generated_tokens": 600,
        "trained_tokens": 500,
        "seconds": 7.0,
    }
    return StageCost.model_validate(values | changes)


def cell(arm: Arm, solved: Sequence[bool], *, seed: int = 1, regime: Regime = "hard", **changes: object) -> Cell:
    """An arm that solves scenario ``i`` greedily and in both samples where ``solved[i]``."""
    values: dict[str, object] = {
        "plan": PLAN.digest,
        "seed": seed,
        "regime": regime,
        "arm": arm,
        "training_scenarios": 6,
        "stages": [cost(arm)] if arm in TRAINED else [],
        "trial": Trial(answers=[answers(f"s{i}", ok, [ok, ok]) for i, ok in enumerate(solved)], seconds=1.0),
    }
    return Cell.model_validate(values | changes)


def rates(*correct: int, episodes: int = 2, first: int = 0) -> list[ScenarioRate]:
    """Scenarios solved so often."""
    return [ScenarioRate(scenario=f"s{first + i}", correct=c, episodes=episodes) for i, c in enumerate(correct)]


def calibration(train: Sequence[ScenarioRate], held_out: Sequence[ScenarioRate], seed: int = 1) -> Calibration:
    return Calibration(
        plan=PLAN.digest, seed=seed, train=list(train), held_out=list(held_out), generated_tokens=9, seconds=2.0
    )


@dataclass
class FakeLaboratory:
    """Answers at once and keeps what it was asked. Named double of a `Laboratory`.

    Attributes:
        found: Correct episodes, of two, of the training and of the held-out scenarios.
        fails: Raises for the call that it is true of, as if the process had been killed there.
    """

    found: tuple[list[int], list[int]] = ([0, 0, 1, 2], [0, 0, 2, 2])
    warmed: bool = True
    fails: Callable[[str], bool] = lambda _: False
    asked: list[str] = field(default_factory=list)
    starts: dict[str, Path | None] = field(default_factory=dict)
    trained_on: dict[str, list[str]] = field(default_factory=dict)

    def _ask(self, call: str) -> None:
        if self.fails(call):
            raise KeyboardInterrupt
        self.asked.append(call)

    def check(self, arms: list[Arm]) -> None:
        self._ask(f"check {','.join(arms)}")

    def warm_up(self, seed: int, work: Path) -> StageCost | None:
        self._ask(f"warm up {seed}")
        return cost("warmup") if self.warmed else None

    def calibrate(self, seed: int, start: Path | None) -> tuple[list[ScenarioRate], list[ScenarioRate], int]:
        self._ask(f"calibrate {seed}")
        return rates(*self.found[0]), rates(*self.found[1], first=100), 11

    def train(self, arm: Arm, seed: int, start: Path | None, scenarios: Sequence[str], work: Path) -> list[StageCost]:
        self._ask(f"train {seed} {arm}")
        self.starts[arm], self.trained_on[arm] = start, list(scenarios)
        for name in ("_checkpoints_srl", "adapter"):
            (work / name).mkdir(exist_ok=True)
        return [cost(arm)]

    def examine(self, seed: int, weights: Path | None, scenarios: Sequence[str]) -> list[Answers]:
        name = "base" if weights is None else "start" if weights.name == "warmup" else weights.parent.name
        self._ask(f"examine {seed} {name}")
        return [answers(scenario, False, [False, True]) for scenario in scenarios]


def ablation(folder: Path, laboratory: FakeLaboratory, **changes: object) -> Ablation:
    """All arms and regimes with one seed."""
    values: dict[str, object] = {
        "cells": Place(PLAN.digest, folder),
        "starts": Place(PLAN.digest, folder / "starts"),
        "config": CONFIG,
        "laboratory": laboratory,
        "seeds": 1,
        "regimes": REGIMES,
        "arms": TRAINED,
    }
    return Ablation(**(values | changes))  # type: ignore[arg-type]
