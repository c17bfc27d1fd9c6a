from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.optimization.plateau import Plateau
from srl_pipeline.training.optimization.watch import observers_of
from srl_pipeline.training.rollouts.collector import NO_SIGNAL, Group

from ..stage import run_stage
from ..world import policy_config


def told(plateau: Plateau, *rewards: float) -> str:
    """What the observer says after validations with these rewards."""
    prompt: Any = None
    for step, reward in enumerate(rewards):
        plateau.validated(step, [Group(prompt, [], [Score(reward, True, False)], NO_SIGNAL)])
    return plateau.stop(len(rewards))


@pytest.mark.parametrize(
    ("rewards", "stops"),
    [
        ([0.5], False),
        ([0.5, 0.4], False),
        ([0.5, 0.4, 0.5], True),
        ([0.5, 0.4, 0.6], False),
        ([0.5, 0.4, 0.6, 0.6], False),
        ([0.5, 0.4, 0.6, 0.6, 0.1], True),
    ],
)
def test_a_stage_ends_after_validations_without_a_better_one(rewards: list[float], stops: bool) -> None:
    assert bool(told(Plateau(2), *rewards)) is stops


def test_the_reason_names_the_reward_that_was_not_surpassed() -> None:
    assert told(Plateau(2), 0.625, 0.4, 0.5) == "the validation reward has not risen above 0.625 in 2 validations"


def test_without_any_validation_nothing_ends() -> None:
    assert told(Plateau(1)) == ""


def test_its_state_goes_on_after_an_interruption() -> None:
    first, second = Plateau(2), Plateau(2)
    told(first, 0.5, 0.4)
    view: Any = None
    second.resumed(view, json.loads(json.dumps(first.state())))
    assert told(second, 0.45) != "" == told(first, 0.6)


def test_only_a_configured_patience_is_watched() -> None:
    assert [o.name for o in observers_of(policy_config(step_samples=0))] == []
    assert [o.name for o in observers_of(policy_config(step_samples=0, patience=3))] == ["plateau"]


def test_a_stage_that_gets_no_better_ends_early_and_says_so(student_folder: Path, tmp_path: Path) -> None:
    outcome = run_stage(student_folder, tmp_path, steps=9, patience=1, learning_rate=1e-12)
    assert len(outcome.rows) == 1 and "has not risen" in outcome.note
