from __future__ import annotations

import pytest

from srl_pipeline.ablation.regimes import Scenarios, lacking, regime_of, scenarios_of
from srl_pipeline.config import override
from srl_pipeline.errors import PipelineError
from srl_pipeline.presets import preset

from .cases import CONFIG, calibration, rates


@pytest.mark.parametrize(("rate", "regime"), [(0.0, "hard"), (0.125, "easy"), (1.0, "easy")])
def test_hard_is_never_solved_and_easy_is_the_rest(rate: float, regime: str) -> None:
    assert regime_of(rate, CONFIG) == regime


def test_between_two_thresholds_lies_neither() -> None:
    config = CONFIG.model_copy(update={"hard_at_most": 0.1, "easy_at_least": 0.5})
    assert [regime_of(rate, config) for rate in (0.1, 0.3, 0.5)] == ["hard", None, "easy"]


def test_a_regime_takes_the_first_scenarios_measured_up_to_its_most() -> None:
    config = CONFIG.model_copy(update={"train_scenarios": 2, "held_out_scenarios": 1})
    measured = calibration(rates(0, 1, 0, 0), rates(2, 0, 0, first=10))
    assert scenarios_of("hard", measured, config) == Scenarios(["s0", "s2"], ["s11"])
    assert scenarios_of("easy", measured, config) == Scenarios(["s1"], ["s10"])


def test_enough_scenarios_lack_nothing() -> None:
    measured = calibration(rates(0, 0), rates(0, 0))
    assert lacking(scenarios_of("hard", measured, CONFIG), measured, CONFIG) == ""


@pytest.mark.parametrize(
    ("name", "value"), [("hard_at_most", 0.5), ("min_train_scenarios", 1000), ("min_held_out_scenarios", 1000)]
)
def test_thresholds_that_contradict_each_other_are_refused(name: str, value: float) -> None:
    with pytest.raises(PipelineError, match="ablation"):
        override(preset("smoke"), {f"ablation.{name}": value})
