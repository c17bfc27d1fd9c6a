"""The training benchmark's figures as tables for people and as JSON for machines, each beside its target."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from benchmarks.engine.nested import Nested
from benchmarks.engine.rewards import Rewards
from benchmarks.engine.rollouts import Rollouts
from benchmarks.engine.update import Updates
from benchmarks.engine.whole_step import Steps
from srl_pipeline.cli.output import console, print_table
from srl_pipeline.clock import now_iso

LIBRARIES = ("torch", "transformers", "trl", "peft", "cydifflib")
MIN_UPDATE = {200: 3.0, 400: 4.0}
"""Times faster, by tokens of the prompt."""
MIN_SAMPLING, MIN_STEP, MAX_MEMORY, MIN_REWARD, MAX_BOOKKEEPING = 2.5, 3.0, 0.6, 5.0, 0.01
MAX_GRADIENT_GAP = 1e-5


@dataclass(frozen=True)
class Whole:
    """What only a full run measures."""

    steps: list[Steps]
    bookkeeping_share: float
    nested: Nested


@dataclass(frozen=True)
class Figures:
    """Everything that one run measured.

    Attributes:
        whole: None in a quick run, at a size that no speed or memory target speaks of: only what must be equal is
            judged then.
    """

    updates: list[Updates]
    rollouts: list[Rollouts]
    rewards: Rewards
    whole: Whole | None


def environment(threads: int) -> dict[str, Any]:
    """Where and with what the figures were made."""
    return {
        "measured_at": now_iso(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "threads": threads,
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "niceness": os.nice(0),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def targets(figures: Figures) -> list[dict[str, Any]]:
    """Each target: its name, figure, bound and whether it is met."""
    found: list[dict[str, Any]] = []

    def at_least(name: str, figure: float, bound: float) -> None:
        found.append({"name": name, "figure": figure, "bound": f">= {bound:g}", "met": figure >= bound})

    def at_most(name: str, figure: float, bound: float) -> None:
        found.append({"name": name, "figure": figure, "bound": f"<= {bound:g}", "met": figure <= bound})

    for update in figures.updates:
        at_most(f"update {update.case.name}, gradient gap in float32", update.gradient_gap, MAX_GRADIENT_GAP)
    at_most("text reward, values that differ from difflib's", float(figures.rewards.different), 0.0)
    if not figures.whole:
        return found
    for update in figures.updates:
        at_least(f"update {update.case.name}, times faster", update.times.ratio, MIN_UPDATE[update.case.prompt])
    for rollouts in figures.rollouts:
        at_least(
            f"sampling {rollouts.case.name}, {rollouts.rows} rollouts, times faster", rollouts.times.ratio, MIN_SAMPLING
        )
    for steps in figures.whole.steps:
        at_least(f"whole step {steps.case.name}, times faster", steps.times.ratio, MIN_STEP)
        at_most(f"whole step {steps.case.name}, peak memory as a share of stock's", steps.memory_share, MAX_MEMORY)
    at_least("text reward, times faster", figures.rewards.times.ratio, MIN_REWARD)
    at_most("dynamic sampling's bookkeeping, share of a step", figures.whole.bookkeeping_share, MAX_BOOKKEEPING)
    return found


def to_json(where: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """Ratios and bounds by name, and the medians behind them."""
    return {
        "environment": where,
        "targets": {t["name"]: {key: t[key] for key in ("figure", "bound", "met")} for t in targets(figures)},
        "seconds": _seconds(figures),
        "peak_memory_mb": {s.case.name: {"stock": s.stock_mb, "ours": s.ours_mb} for s in _steps(figures)},
    }


def show(where: dict[str, Any], figures: Figures) -> None:
    """Print both tables."""
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    console.print(
        f"{where['machine']}, {where['device']}, {where['threads']} threads; Python {where['python']}; {libraries}; "
        f"load before {where['load_before']}"
    )
    rows = [
        [name, f"{pair['stock']:.3f}", f"{pair['ours']:.3f}", f"{pair['ratio']:.2f}x"]
        for name, pair in _seconds(figures).items()
    ]
    print_table("Median seconds, side by side", ["work", "stock", "ours", "ratio"], rows)
    print_table(
        "Targets",
        ["target", "figure", "bound", "met"],
        [[t["name"], f"{t['figure']:.4g}", t["bound"], "yes" if t["met"] else "NO"] for t in targets(figures)],
    )
    for steps in _steps(figures):
        console.print(
            f"Peak memory of {steps.case.name}: stock {steps.stock_mb:,.0f} MB, ours {steps.ours_mb:,.0f} MB "
            f"({steps.memory_share:.0%})"
        )
    if not figures.whole:
        console.print("Whole steps, memory and targets of speed belong to a full run, without --quick.")


def _steps(figures: Figures) -> list[Steps]:
    return figures.whole.steps if figures.whole else []


def _seconds(figures: Figures) -> dict[str, dict[str, float]]:
    pairs = {f"update {u.case.name}": u.times for u in figures.updates}
    pairs |= {f"sampling {r.case.name} x {r.rows}": r.times for r in figures.rollouts}
    pairs |= {f"whole step {s.case.name}, {s.prompts} groups": s.times for s in _steps(figures)}
    if figures.whole:
        nested = figures.whole.nested
        sizes = f"{nested.tokens_apart} tokens apart, {nested.tokens_together} together"
        pairs |= {f"update of {nested.steps} nested steps, ours: {sizes}": nested.times}
    pairs |= {f"text reward, {figures.rewards.pairs} pairs": figures.rewards.times}
    return {
        name: {"stock": pair.stock_median, "ours": pair.ours_median, "ratio": pair.ratio}
        for name, pair in pairs.items()
    }
