"""``srl-pipeline report``: the newest evaluation of a model type, on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srl_pipeline.cli.newest import newest
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table

if TYPE_CHECKING:
    from srl_pipeline.evaluation import Comparison, Summary

ASSET = "eval_report"


def report(
    model_type: Annotated[str, typer.Argument(metavar="TYPE", help="Model type.")],
    json: JsonFlag = False,
    version: Annotated[str | None, typer.Option(help="Data version of the report; the newest when left out.")] = None,
) -> None:
    """Show how each stage of a model type does on the held-out scenarios, and what improved."""
    found = newest(ASSET, model_type, version)
    if json:
        from srl_pipeline.evaluation import read_summary

        print_json(stage_rows(read_summary(found.path)))
        return
    console.print(
        f"{ASSET} of {model_type}, version {found.data_version}, {found.manifest.created_at}", highlight=False
    )
    print_report(found.path)
    for gate in found.manifest.failed_gates:
        console.print(f"Gate {gate.name} failed: {gate.message}", style="bold red", markup=False, highlight=False)


def print_report(folder: Path) -> None:
    """Print the report in ``folder``: a row a stage, training, the sentences, and where its step browser lies."""
    from srl_pipeline.evaluation import find_steps_page, read_summary, sentences
    from srl_pipeline.evaluation.wording import bounds, duration, level, number, percent, stage_name

    summary = read_summary(folder)
    rows = [
        (
            stage_name(s.stage),
            percent(s.pass_rate.value),
            bounds(s.pass_rate),
            s.n,
            number(s.steps_ok.value),
            f"{s.tokens_total:,}",
            duration(s.seconds),
        )
        for s in summary.stages
    ]
    title = f"{summary.model_type}: held-out scenarios solved (preset {summary.preset})"
    interval = f"{level(summary.confidence)} interval"
    print_table(title, ("stage", "solved", interval, "n", "steps right", "tokens", "time"), rows)
    if summary.training:
        trained = [
            (
                stage_name(t.stage),
                percent(t.kept_fraction),
                number(t.kl, 4),
                f"{t.generated_tokens:,}",
                f"{t.trained_tokens:,}",
                duration(t.seconds),
            )
            for t in summary.training
        ]
        columns = ("stage", "groups kept", "KL a token", "generated tokens", "trained tokens", "wall time")
        print_table("Training", columns, trained)
    for line in [*sentences(summary), *(_steps(c) for c in summary.comparisons)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if page := find_steps_page(folder):
        told = f"Step by step, before and after training: {page}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _steps(comparison: Comparison) -> str:
    """Progress that the share of whole solutions does not show."""
    from srl_pipeline.evaluation.wording import change, stage_name

    pair = f"{stage_name(comparison.after)} against {stage_name(comparison.before)}"
    return f"Steps right an episode, {pair}: {change(comparison.steps_ok)}."


def stage_rows(summary: Summary) -> list[dict[str, Any]]:
    """A row a stage for machines; rates are shares in 0..1, None where nothing was measured."""
    return [
        {
            "stage": s.stage,
            "pass_rate": s.pass_rate.value,
            "low": s.pass_rate.low,
            "high": s.pass_rate.high,
            "n": s.n,
            "steps_right": s.steps_ok.value,
            "tokens": s.tokens_total,
            "seconds": s.seconds,
        }
        for s in summary.stages
    ]
