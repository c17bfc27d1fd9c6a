from __future__ import annotations

import pytest

from srl_pipeline.ablation.progress import Forecast


def test_before_the_first_part_nothing_is_forecast() -> None:
    assert Forecast(["srl", "sft"]).seconds_left is None
    assert str(Forecast(["srl", "sft"])) == "0 of 2 parts"


def test_known_kinds_count_by_their_own_mean_and_others_by_that_of_all() -> None:
    forecast = Forecast(["sft", "srl", "sft", "srl", "rlvr"])
    forecast.finished("sft", 10.0)
    forecast.finished("srl", 30.0)
    assert forecast.seconds_left == pytest.approx(10 + 30 + 20)
    assert str(forecast) == "2 of 5 parts, about 60.0 s left"


def test_what_is_left_out_is_not_waited_for() -> None:
    forecast = Forecast(["sft", "srl"])
    forecast.finished("sft", 10.0)
    forecast.dropped("srl")
    assert str(forecast) == "1 of 1 parts, about 0.0 s left"
