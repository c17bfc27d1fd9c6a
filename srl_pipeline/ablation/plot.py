"""The pass rates of all arms with their intervals, a panel a regime, as PNG bytes. Built without pyplot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from srl_pipeline.ablation.summary import AblationResults, Row
from srl_pipeline.ablation.table import ARM_NAMES, regime_title
from srl_pipeline.evaluation.plots import COLOURS, FAINT, INK
from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.evaluation.wording import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (8.0, 3.4)
"""Inches of one panel."""
_KINDS = (("greedy", -0.12, COLOURS["srl"], "o"), ("sampled", 0.12, COLOURS["rlvr"], "s"))
"""Measure, offset, colour (Okabe and Ito 2008) and marker: apart for the colour-blind, too."""


def draw(results: AblationResults) -> bytes:
    """Equal results give equal bytes: no date and no version of matplotlib is written."""
    from matplotlib.figure import Figure

    regimes = results.regimes
    size = (_SIZE[0], _SIZE[1] * len(regimes))
    figure = Figure(figsize=size, dpi=100, layout="constrained", facecolor="white")
    panels = figure.subplots(len(regimes), 1, squeeze=False)
    for regime, [axes] in zip(regimes, panels, strict=True):
        _panel(axes, [row for row in results.rows if row.regime == regime], regime_title(results, regime))
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=9, labelcolor=INK, loc="outside lower right", ncols=2)
    panels[-1][0].set_xlabel(f"solved, % ({level(results.confidence)} intervals)", color=INK)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    return drawn.getvalue()


def _panel(axes: Axes, rows: list[Row], title: str) -> None:
    for kind, offset, colour, marker in _KINDS:
        found = [row.greedy if kind == "greedy" else row.sampled for row in rows]
        places = [i + offset for i in range(len(rows))]
        rates = [100 * (e.value or 0.0) for e in found]
        below, above = zip(*map(_reach, found), strict=True)
        label = "greedy" if kind == "greedy" else "temperature 1"
        axes.errorbar(
            rates, places, xerr=[below, above], fmt=marker, color=colour, capsize=4, markersize=6, label=label, zorder=3
        )
    axes.set_yticks(range(len(rows)), [ARM_NAMES[row.arm] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=min(-1.0, axes.get_xlim()[0]))
    axes.grid(axis="x", color=FAINT, linewidth=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(labelsize=10, labelcolor=INK, color=INK)
    axes.set_title(title, loc="left", color=INK, fontsize=12, weight="bold")


def _reach(estimate: Estimate) -> tuple[float, float]:
    """How far an interval reaches below and above its rate, in points; nowhere without an interval."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return 0.0, 0.0
    return max(0.0, 100 * (value - low)), max(0.0, 100 * (high - value))  # rounding must not turn a bound around
