"""Constructed evaluation results: small enough to compute by hand, shaped as the real ones."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from srl_pipeline.evaluation import Episode, EvaluationResults, StageResult, TrainingSummary

SKILLS = {
    "stone-is-local": "regional_materials",
    "roof-sheds-snow": "climate",
    "door-fits-rank": "social_rank",
    "light-is-lawful": "building_law",
    "budget-holds": "economy",
}
REGIONS = ("karst_hollow", "sunken_fen", "high_moor")
BANDS = ("easy", "medium", "hard")


def episode(number: int, correct: bool, **changes: object) -> Episode:
    """Scenario ``number``, solved or with one hard violation."""
    rules = list(SKILLS)
    broken = [] if correct else [rules[number % len(rules)]]
    values: dict[str, object] = {
        "scenario_id": f"s{number}",
        "axes": {"region": REGIONS[number % 3], "plot_m2": float(60 + 20 * (number % 10))},
        "band": BANDS[number % 3],
        "correct": correct,
        "format_ok": True,
        "reward": 1.0 if correct else 0.0,
        "steps_ok": 5 if correct else 3,
        "tokens": 100,
        "broken": broken,
        "hard_broken": broken,
        "considered": rules,
    }
    return Episode.model_validate(values | changes)


def stage(name: str, outcomes: Sequence[bool], **changes: object) -> StageResult:
    """A stage whose scenario ``i`` is solved where ``outcomes[i]``."""
    values: dict[str, object] = {
        "stage": name,
        "data_version": "" if name == "base" else f"version-of-{name}",
        "episodes": [episode(i, ok) for i, ok in enumerate(outcomes)],
        "seconds": 20.0,
        "peak_memory_mb": 900.0,
    }
    return StageResult.model_validate(values | changes)


def results(*stages: StageResult, training: Sequence[TrainingSummary] = ()) -> EvaluationResults:
    """Results of these stages for the type 'buildings'."""
    return EvaluationResults(
        model_type="buildings",
        preset="smoke",
        evaluation_version=1,
        confidence=0.95,
        skills=SKILLS,
        stages=list(stages),
        training=list(training),
        versions={"lore_index": "1f0c", "rule_set": "77aa"},
    )


def training(name: str, steps: int = 20, **metrics: float) -> TrainingSummary:
    """A stage whose reward rises."""
    rng = random.Random(name)
    curve = [
        {
            "step": float(i + 1),
            "reward": 0.6 - 0.5 * math.exp(-i / 8) + rng.gauss(0, 0.03),
            "kept_fraction": min(1.0, 0.9 - 0.02 * i + rng.gauss(0, 0.05)),
            "kl": 0.001 * i,
        }
        for i in range(steps)
    ]
    return TrainingSummary(
        stage=name,
        steps=steps,
        seconds=90.0,
        generated_tokens=12_000,
        trained_tokens=9_000,
        metrics=metrics,
        curve=curve,
    )


def solved(share: float, n: int = 100, seed: int = 1) -> list[bool]:
    """Outcomes of which about ``share`` is solved."""
    rng = random.Random(seed)
    return [rng.random() < share for _ in range(n)]
