"""Plots are PNGs, small, and drawn only of what was measured."""

from __future__ import annotations

from srl_pipeline.evaluation import summarise
from srl_pipeline.evaluation.plots import MAX_BYTES, draw

from .builders import results, solved, stage, training

PNG = b"\x89PNG\r\n\x1a\n"


def test_every_plot_is_a_png_under_the_cap() -> None:
    long = training("srl", steps=2000)
    made = results(stage("base", solved(0.1)), stage("rlvr", solved(0.5)), training=[long, training("rlvr")])
    plots = draw(made, summarise(made))
    assert sorted(plots) == ["pass_rate.png", "skills.png", "training.png"]
    assert all(png.startswith(PNG) and 3_000 < len(png) < MAX_BYTES for png in plots.values())


def test_what_was_not_measured_is_not_drawn() -> None:
    assert draw(results(stage("base", [])), summarise(results(stage("base", [])))) == {}


def test_equal_results_give_equal_bytes() -> None:
    made = results(stage("base", solved(0.3, 10)))
    assert draw(made, summarise(made)) == draw(made, summarise(made))


def test_a_curve_without_kept_fractions_is_still_drawn() -> None:
    bare = training("srl", 3).model_copy(update={"curve": [{"reward": 0.1}, {"reward": float("nan")}, {"reward": 0.3}]})
    made = results(training=[bare])
    assert list(draw(made, summarise(made))) == ["training.png"]
