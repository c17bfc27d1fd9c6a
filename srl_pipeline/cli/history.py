"""``srl-pipeline history``: what was made of a model type, and what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, print_json, print_table

if TYPE_CHECKING:
    from srl_pipeline.registry import Entry

FIGURES = 3
"""Figures of an entry that are shown where none is asked for."""


def history(
    model_type: Annotated[str, typer.Argument(metavar="TYPE", help="Model type.")],
    asset: Annotated[str, typer.Option(help="Only what was made of this asset, such as eval_report.")] = "",
    metric: Annotated[str, typer.Option(help="Only entries with this figure, such as pass_rate.")] = "",
    last: Annotated[int, typer.Option(min=1, help="Newest entries shown.")] = 20,
    json: JsonFlag = False,
) -> None:
    """Show the newest generations, trainings and evaluations of a model type, oldest first."""
    from srl_pipeline.model_types import pack_folder

    found = [e for e in _entries(model_type, asset) if not metric or metric in e.metrics][-last:]
    if json:
        print_json([e.model_dump(mode="json") for e in found])
    elif found:
        columns = ("no.", "when", "asset", "version", "figures", "failed gates", "started by", "cost", "seconds")
        print_table(f"{model_type}: what was made", columns, _rows(found, metric), wide=True)
    else:
        pack_folder(model_type)  # an unknown type is an error, not an empty history
        print(f"Nothing of {model_type} is in the history{' with that figure' if metric else ''}.")


def _entries(model_type: str, asset: str) -> list[Entry]:
    from srl_pipeline.config import home
    from srl_pipeline.registry.places import has_history, open_history

    if not has_history(home()):
        return []
    kept = open_history(home())
    try:
        return kept.entries(asset, model_type) if asset else kept.all_entries(model_type)
    finally:
        kept.close()


def _rows(entries: Sequence[Entry], metric: str) -> list[tuple[str | int | float, ...]]:
    before: dict[str, float] = {}
    rows: list[tuple[str | int | float, ...]] = []
    for e in entries:
        figures = _change(e, metric, before) if metric else _figures(e)
        cost = f"${e.cost_usd:.4f}" if e.cost_usd else ""
        failed = ", ".join(e.failed_gates)
        rows.append((e.seq, e.at[:16], e.asset, e.data_version[:12], figures, failed, e.trigger, cost, e.seconds))
    return rows


def _change(entry: Entry, metric: str, before: dict[str, float]) -> str:
    """The figure, and how it compares with the one before it of the same asset."""
    from srl_pipeline.tracking import direction, shown

    value, earlier = entry.metrics[metric], before.get(entry.asset)
    before[entry.asset] = value
    judged = direction(metric, earlier, value) if earlier is not None else ""
    return f"{shown(metric, value)}{f', {judged}' if judged else ''}"


def _figures(entry: Entry) -> str:
    """The figures that have a good way come first."""
    from srl_pipeline.tracking import METRICS, shown

    names = [n for n in METRICS if n in entry.metrics] or sorted(entry.metrics)
    told = [f"{METRICS[n].title if n in METRICS else n} {shown(n, entry.metrics[n])}" for n in names[:FIGURES]]
    return ", ".join(told + [f"{name} not finite" for name in entry.not_finite])
