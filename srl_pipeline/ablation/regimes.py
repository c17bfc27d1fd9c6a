"""Which scenarios are hard and which are easy for a start model, by its measured pass rate. Pure.

Hard is SRL's regime: the start never solves the scenario in so many tries. Easy is where outcome rewards already tell
episodes apart. What lies between the two thresholds belongs to neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srl_pipeline.ablation.plan import Regime
from srl_pipeline.ablation.results import Calibration, ScenarioRate
from srl_pipeline.config import AblationConfig


@dataclass(frozen=True)
class Scenarios:
    """Ids of a regime's scenarios: those trained on and those evaluated."""

    train: list[str]
    held_out: list[str]


def regime_of(rate: float, config: AblationConfig) -> Regime | None:
    """The regime of a pass rate; None between the thresholds."""
    if rate <= config.hard_at_most:
        return "hard"
    return "easy" if rate >= config.easy_at_least else None


def scenarios_of(regime: Regime, calibration: Calibration, config: AblationConfig) -> Scenarios:
    """All measured scenarios of a regime, cut to the most that are wanted; the first ones measured are kept."""

    def of(rates: Sequence[ScenarioRate], most: int) -> list[str]:
        return [r.scenario for r in rates if regime_of(r.rate, config) == regime][:most]

    return Scenarios(of(calibration.train, config.train_scenarios), of(calibration.held_out, config.held_out_scenarios))


def lacking(found: Scenarios, calibration: Calibration, config: AblationConfig) -> str:
    """Why a regime cannot be shown with these scenarios; empty when it can."""
    said = [
        f"{len(have)} of {len(measured)} {kind} scenarios belong to it, at least {least} are needed"
        for kind, have, measured, least in (
            ("training", found.train, calibration.train, config.min_train_scenarios),
            ("held-out", found.held_out, calibration.held_out, config.min_held_out_scenarios),
        )
        if len(have) < least
    ]
    return "; ".join(said)
