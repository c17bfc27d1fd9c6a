"""``srl-pipeline clean``: which artifacts nothing needs any more, and removing them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from srl_pipeline.config import RetentionConfig
    from srl_pipeline.registry import ArtifactStore
    from srl_pipeline.retention import Cleaning

OneType = Annotated[str, typer.Argument(metavar="TYPE", help="Model type; left out: all that have artifacts.")]
Keep = Annotated[
    int | None, typer.Option(min=1, help="Newest versions of each asset that stay, instead of retention.keep.")
]
Days = Annotated[float | None, typer.Option(min=0, help="What is younger stays, instead of retention.keep_days.")]
Delete = Annotated[bool, typer.Option("--delete", help="Remove it; else it is only shown.")]


def clean(
    model_type: OneType = "", keep: Keep = None, keep_days: Days = None, delete: Delete = False, json: JsonFlag = False
) -> None:
    """Show what of the artifacts nothing needs, and why the rest stays; with --delete remove it.

    Models in use, what they rest on, what was paid for and all earlier trajectories always stay.
    """
    from srl_pipeline import retention
    from srl_pipeline.registry.places import open_store

    store = open_store(home())
    cleanings, problems = list["Cleaning"](), list[PipelineError]()
    for name in [model_type] if model_type else sorted({of for _, of in store.shelves()}):
        try:
            policy = _policy(store, name, keep, keep_days)
            if delete:
                done = retention.clean(store, name, policy, lambda name=name: _under_way(name))
            else:
                done = retention.look(store, name, policy)
            cleanings.append(done)
        except PipelineError as error:
            if model_type:
                raise
            problems.append(error)  # one model type does not keep the others from being cleaned
    if json:
        shown = [cleaning.model_dump(mode="json") for cleaning in cleanings]
        print_json({"types": shown, "problems": [f"{error}" for error in problems]})
    else:
        _show(cleanings, delete)
        for error in problems:
            typer.echo(f"error: {error}", err=True)
    if problems:
        raise typer.Exit(1)


def _policy(store: ArtifactStore, model_type: str, keep: int | None, keep_days: float | None) -> RetentionConfig:
    """What the settings of the type say, and over them what was asked for. PipelineError for an unknown type."""
    from srl_pipeline.config import RetentionConfig, settings_of_installation
    from srl_pipeline.defs.assets.evaluation import ALL
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.model_types import find_packs
    from srl_pipeline.presets import pack_config

    if model_type == ALL:
        found = pack_config("smoke", settings_of_installation()).retention
    elif model_type in find_packs() or not any(of == model_type for _, of in store.shelves()):
        found = PipelineResource(home=str(home())).config(model_type).retention
    elif keep is None or keep_days is None:
        raise PipelineError(
            f"{model_type} has artifacts but no pack, so nothing says what of them is to stay.",
            where="packs",
            mend=f"Bring its pack back, or say it: srl-pipeline clean {model_type} --keep 3 --keep-days 30.",
        )
    else:
        found = RetentionConfig()
    asked = {"keep": keep, "keep_days": keep_days}
    return found.model_copy(update={name: value for name, value in asked.items() if value is not None})


def _under_way(model_type: str) -> str:
    """Which run Dagster knows of; empty for none, and where Dagster was never used."""
    from srl_pipeline.cli.instance import open_instance
    from srl_pipeline.launchers.dead_runs import under_way

    folder = Path(os.environ.get("DAGSTER_HOME") or home() / "dagster")
    if not folder.is_dir():
        return ""
    with open_instance(folder) as instance:
        return "A run of it waits or is under way" if under_way(instance, "dagster/partition", model_type) else ""


def _show(cleanings: list[Cleaning], deleted: bool) -> None:
    for cleaning in cleanings:
        kept = [(k.asset, k.data_version, k.created_at[:10], _mb(k.bytes), "; ".join(k.why)) for k in cleaning.kept]
        if kept:
            columns = ("asset", "version", "made", "MB", "because it is")
            print_table(f"{cleaning.model_type}: stays", columns, kept, wide=True)
        gone = [(r.asset, r.data_version, r.created_at[:10] or "–", _mb(r.bytes)) for r in cleaning.removed]
        gone += [(one.why, one.path, "–", _mb(one.bytes)) for one in cleaning.leftovers]
        if gone:
            title = f"{cleaning.model_type}: {'was removed' if deleted else 'would be removed'}"
            print_table(title, ("what", "which", "made", "MB"), gone, wide=True)
    count = sum(len(c.removed) + len(c.leftovers) for c in cleanings)
    size, stays = sum(c.removed_bytes for c in cleanings), sum(c.kept_bytes for c in cleanings)
    verb = "Removed" if deleted else "Would remove"
    hint = "" if deleted or not count else " Nothing was removed; --delete does it."
    line = f"{verb} {count} things, {_mb(size)} MB; {_mb(stays)} MB of artifacts stay.{hint}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"
