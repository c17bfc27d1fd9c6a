"""``srl-pipeline models`` and ``explain``: which models there are of a type, and why one of them is current."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from srl_pipeline.cli.arguments import Type
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table

if TYPE_CHECKING:
    from srl_pipeline.registry import ArtifactStore, Decisions


def models(model_type: Type, json: JsonFlag = False) -> None:
    """List the registered models of a type, newest first: their aliases, how good they are, when they were made."""
    from srl_pipeline.promotion import list_models

    with opened(model_type) as (store, decisions):
        rows = list_models(store, decisions, model_type)
    if json:
        print_json([row.model_dump(mode="json") for row in rows])
    elif rows:
        cells = [
            (row.version, ", ".join(row.aliases), *_figures(row.metrics), row.made_at or "–", row.state) for row in rows
        ]
        columns = ("version", "alias", "solved", "of", "latency p50", "cost", "made", "files")
        print_table(f"Registered models of {model_type}", columns, cells, wide=True)
    else:
        print(f"{model_type} has no registered model: run its chain.")


def explain(model_type: Type, json: JsonFlag = False) -> None:
    """Say in ten lines which model of a type is current, why, what it is bad at, and how to go back."""
    from srl_pipeline import promotion

    with opened(model_type) as (store, decisions):
        lines = promotion.explain(decisions, store, model_type)
        aliases = decisions.aliases(model_type)
        version = aliases.get("current")
        why = promotion.made_current(decisions, model_type, version) if version else None
    if json:
        decision = why.model_dump(mode="json") if why else None
        print_json({"model_type": model_type, "aliases": aliases, "lines": lines, "decision": decision})
        return
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def opened(model_type: str) -> Iterator[tuple[ArtifactStore, Decisions]]:
    """The installation's artifacts and decisions; raises PipelineError for an unknown model type."""
    from srl_pipeline.config import home
    from srl_pipeline.model_types import pack_folder
    from srl_pipeline.registry.places import open_decisions, open_store

    pack_folder(model_type)
    with closing(open_decisions(home())) as decisions:
        yield open_store(home()), decisions


def _figures(metrics: dict[str, float]) -> tuple[str, str, str, str]:
    from srl_pipeline.tracking import shown

    names = ("pass_rate", "latency_p50_seconds", "chain_cost_usd")
    solved, latency, cost = (shown(name, metrics[name]) if name in metrics else "–" for name in names)
    return solved, f"{metrics['n']:.0f}" if "n" in metrics else "–", latency, cost
