"""The report's plots, as PNG bytes: to be read at 800 pixels, by the colour-blind too, and small enough to be inlined.

Colours are those of Okabe and Ito (2008); the heat map uses cividis. Figures are built without pyplot: no global state.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from srl_pipeline.errors import PipelineError
from srl_pipeline.evaluation.results import EvaluationResults, TrainingSummary
from srl_pipeline.evaluation.summary import Summary
from srl_pipeline.evaluation.wording import UNKNOWN, level, stage_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_BYTES = 120_000
INK, FAINT = "#333333", "#DDDDDD"
COLOURS = {"base": "#8C8C8C", "warmup": "#E69F00", "sft": "#E69F00", "srl": "#0072B2", "rlvr": "#009E73"}
OTHER = "#CC79A7"
_WIDTH = 8.0
"""Inches: 800 pixels at 100 dots an inch."""
_DPI = (100, 75, 50)
_PALETTE = 256
_WINDOW = 5
"""Steps in the moving average of a training curve."""


def draw(results: EvaluationResults, summary: Summary) -> dict[str, bytes]:
    """File name -> PNG of every plot for which something was measured; PipelineError if one is over `MAX_BYTES`."""
    made = {
        "pass_rate.png": pass_rate_plot(summary),
        "training.png": training_plot(results),
        "skills.png": skills_plot(summary),
    }
    return {name: png for name, png in made.items() if png}


def pass_rate_plot(summary: Summary) -> bytes | None:
    """Pass rate by stage with its interval; None when no stage has a scenario."""
    stages = [s for s in summary.stages if s.n]
    if not stages:
        return None
    figure = _figure(3.6)
    axes: Axes = figure.subplots()
    rates = [100 * (s.pass_rate.value or 0.0) for s in stages]
    lows = [100 * (s.pass_rate.low or 0.0) for s in stages]
    highs = [100 * (s.pass_rate.high or 0.0) for s in stages]
    axes.bar(range(len(stages)), rates, width=0.55, color=[_colour(s.stage) for s in stages], zorder=2)
    errors = [[r - lo for r, lo in zip(rates, lows, strict=True)], [h - r for r, h in zip(rates, highs, strict=True)]]
    axes.errorbar(range(len(stages)), rates, yerr=errors, fmt="none", ecolor=INK, elinewidth=1.5, capsize=6, zorder=3)
    for x, (value, high) in enumerate(zip(rates, highs, strict=True)):
        place: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "weight": "bold", "color": INK}
        axes.annotate(f"{value:.1f} %", (x, high), (0, 5), **place)
    axes.set_xticks(range(len(stages)), [f"{stage_name(s.stage)}\nn = {s.n}" for s in stages])
    axes.set_xlim(-0.6, len(stages) - 0.4)
    axes.set_ylim(0, max(10.0, 1.18 * max(highs)))
    _style(axes, f"Held-out scenarios solved, with {level(summary.confidence)} intervals", "solved, %")
    return _png(figure)


def training_plot(results: EvaluationResults) -> bytes | None:
    """Reward and kept fraction over the steps of each stage trained by reward; None when no curve was recorded."""
    stages = [t for t in results.training if len(_points(t, "reward")[0]) > 1]
    if not stages:
        return None
    from matplotlib.ticker import MaxNLocator

    named = [("reward", "reward"), ("kept_fraction", "groups kept")]
    rows = [(name, label) for name, label in named if any(_points(t, name)[0] for t in stages)]
    figure = _figure(0.4 + 2.2 * len(rows))
    grid: Any = figure.subplots(len(rows), len(stages), squeeze=False, sharex="col")
    for column, stage in enumerate(stages):
        for row, (name, label) in enumerate(rows):
            axes: Axes = grid[row][column]
            title = f"{stage_name(stage.stage)}: training" if row == 0 else ""
            _style(axes, title, label if column == 0 else "")
            _curve(axes, *_points(stage, name), _colour(stage.stage))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if name == "kept_fraction":
                axes.set_ylim(-0.05, 1.05)
        if grid[0][column].get_legend_handles_labels()[0]:
            grid[0][column].legend(frameon=False, fontsize=9, labelcolor=INK)
        grid[-1][column].set_xlabel("optimizer step", color=INK)
    return _png(figure)


def skills_plot(summary: Summary) -> bytes | None:
    """Heat map of the share of rules that held, skill by stage; None when no rule was checked."""
    stages = [s for s in summary.stages if any(k.rate.n for k in s.skills)]
    if not stages:
        return None
    skills = [k.name for k in stages[0].skills]
    shares = [[_of(s.skills[i].rate.value) for s in stages] for i in range(len(skills))]
    figure = _figure(1.3 + 0.42 * len(skills))
    axes: Axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            text = UNKNOWN if math.isnan(share) else f"{share:.0f} %"
            ink = "white" if share < 55 else "black"
            axes.text(x, y, text, ha="center", va="center", color=ink, fontsize=11)
    axes.set_xticks(range(len(stages)), [stage_name(s.stage) for s in stages])
    axes.set_yticks(range(len(skills)), [name.replace("_", " ") for name in skills])
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=11, labelcolor=INK)
    for i in range(1, len(skills)):
        axes.axhline(i - 0.5, color="white", linewidth=2)
    for i in range(1, len(stages)):
        axes.axvline(i - 0.5, color="white", linewidth=2)
    axes.spines[:].set_visible(False)
    axes.set_title("Rules that held, by skill", loc="left", color=INK, fontsize=12, weight="bold", pad=10)
    bar: Any = figure.colorbar(image, ax=axes, pad=0.02, label="% of checks")
    bar.outline.set_visible(False)
    return _png(figure)


def _curve(axes: Axes, steps: list[float], values: list[float], colour: str) -> None:
    """The measured points, and their moving average where there are enough of them."""
    if len(values) < 2 * _WINDOW:
        axes.plot(steps, values, color=colour, linewidth=2, marker="o", markersize=4)
        return
    axes.plot(steps, values, color=colour, linewidth=0.8, alpha=0.45)
    reach = _WINDOW // 2  # centred: a trailing mean would lag behind what it describes
    smooth = [_average(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))]
    axes.plot(steps, smooth, color=colour, linewidth=2.2, label=f"mean of {_WINDOW} steps")


def _points(stage: TrainingSummary, name: str) -> tuple[list[float], list[float]]:
    """Steps and finite values of a curve."""
    rows = [row for row in stage.curve if math.isfinite(row.get(name, math.nan))]
    return [row.get("step", float(i)) for i, row in enumerate(rows, start=1)], [row[name] for row in rows]


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), dpi=100, layout="constrained", facecolor="white")


def _style(axes: Axes, title: str, y_label: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=11, labelcolor=INK, color=INK)
    axes.set_ylabel(y_label, color=INK, fontsize=11)
    axes.set_title(title, loc="left", color=INK, fontsize=12, weight="bold")


def _png(figure: Figure) -> bytes:
    """The figure in a palette of `_PALETTE` colours, half the bytes or less; coarser should it still be too large.

    Equal data give equal bytes: no date and no version of matplotlib is written.
    """
    from PIL import Image

    png = b""
    for dpi in _DPI:
        drawn, reduced = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png", dpi=dpi, metadata={"Software": None})
        Image.open(drawn).convert("RGB").quantize(_PALETTE).save(reduced, format="png", optimize=True)
        if len(png := reduced.getvalue()) <= MAX_BYTES:
            return png
    raise PipelineError(
        f"A plot has {len(png):,} bytes; at most {MAX_BYTES:,} may be inlined in a report.",
        where="srl_pipeline/evaluation/plots.py",
        mend="Draw fewer points, or a smaller figure.",
    )


def _colour(stage: str) -> str:
    return COLOURS.get(stage, OTHER)


def _of(share: float | None) -> float:
    return math.nan if share is None else 100 * share


def _average(values: list[float]) -> float:
    return math.fsum(values) / len(values)
