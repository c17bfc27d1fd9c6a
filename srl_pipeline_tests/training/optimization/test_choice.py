from __future__ import annotations

import pytest

from srl_pipeline.training.optimization.choice import replaces


@pytest.mark.parametrize(("reward", "chosen"), [(0.4, False), (0.5, True), (0.6, True)])
def test_trained_weights_replace_the_start_unless_they_are_worse(reward: float, chosen: bool) -> None:
    assert replaces(reward, 0.5, best_step=0) is chosen


@pytest.mark.parametrize(("reward", "chosen"), [(0.4, False), (0.5, False), (0.6, True)])
def test_later_weights_replace_earlier_ones_only_when_they_are_better(reward: float, chosen: bool) -> None:
    assert replaces(reward, 0.5, best_step=3) is chosen
