"""False discoveries and power over simulated histories: a small version of ``benchmarks/weaknesses.py``."""

from __future__ import annotations

import math

import pytest

from benchmarks.weaknesses import SETTINGS, held_out, simulate, simulate_regressions, simulate_rules, simulate_trend
from srl_pipeline.model_types import load_pack

HISTORIES = 200
LEVEL = SETTINGS.false_discovery_rate
AT_MOST = LEVEL + 2.6 * math.sqrt(LEVEL * (1 - LEVEL) / HISTORIES)
"""The rate that is promised, and the error of the simulation (one in 200 rows lies above)."""
SCENARIOS = {pack: held_out(pack, 100) for pack in ("buildings", "sounds")}


@pytest.mark.parametrize("pack", SCENARIOS)
@pytest.mark.parametrize("pass_rate", [0.05, 0.3, 0.7])
def test_where_nothing_is_weak_it_seldom_finds_anything(pack: str, pass_rate: float) -> None:
    assert simulate(SCENARIOS[pack], pass_rate, "nothing", 0.0, HISTORIES, 2).any_false <= AT_MOST


@pytest.mark.parametrize("pack", SCENARIOS)
def test_a_planted_weak_value_is_found_and_little_beside_it(pack: str) -> None:
    found = simulate(SCENARIOS[pack], 0.7, "value", 0.4, HISTORIES, 2)
    assert found.power >= 0.45
    assert found.false_discovery_rate <= AT_MOST


@pytest.mark.parametrize("pack", SCENARIOS)
def test_a_planted_weak_pair_brings_no_other_slices_with_it(pack: str) -> None:
    found = simulate(SCENARIOS[pack], 0.7, "pair", 0.4, HISTORIES, 2)
    assert found.near >= 0.12
    assert found.false_discovery_rate <= AT_MOST


def test_a_greater_effect_is_found_more_often() -> None:
    small, great = (simulate(SCENARIOS["sounds"], 0.7, "value", effect, 60, 2) for effect in (0.2, 0.6))
    assert great.power > small.power + 0.3


def test_a_weak_rule_is_found_and_rules_that_are_broken_alike_are_not() -> None:
    pack = load_pack("buildings")
    assert simulate_rules(pack, 60, 0.05, 0.0, 40, 2).any_false <= 0.25
    planted = simulate_rules(pack, 60, 0.05, 0.4, 20, 2)
    assert planted.power >= 0.9 and planted.false_discovery_rate <= 0.2


def test_a_candidate_as_good_as_the_current_model_is_seldom_called_worse() -> None:
    overall, sliced = simulate_regressions(SCENARIOS["sounds"], 0.7, 0.0, 60, 2)
    assert max(overall, sliced) <= LEVEL + 2.6 * math.sqrt(LEVEL * (1 - LEVEL) / 60)
    assert simulate_regressions(SCENARIOS["sounds"], 0.7, 0.2, 20, 2)[0] > 0.6


def test_a_trend_is_an_alarm_where_it_falls_and_seldom_where_it_does_not() -> None:
    assert simulate_trend(100, 0.7, 0.0, HISTORIES, 2) <= AT_MOST
    assert simulate_trend(100, 0.7, 0.2, HISTORIES, 2) > 0.9
