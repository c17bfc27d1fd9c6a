"""``srl-pipeline promote``, ``rollback``, ``retire``: a person decides which model is current. Each is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.models import opened
from srl_pipeline.cli.output import JsonFlag, console, print_json

if TYPE_CHECKING:
    from srl_pipeline.registry import Decision

Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read the decision later.")]


def promote(
    model_type: Type,
    reason: Reason,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="Version or alias.")] = "candidate",
    despite_gates: Annotated[bool, typer.Option("--despite-gates", help="Also where gates fail.")] = False,
    preset: Preset = "",
    settings: Settings = None,
    json: JsonFlag = False,
) -> None:
    """Make a model current. Its gates are asked; without --despite-gates a failed one refuses it."""
    from srl_pipeline.config import home
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.promotion import promote_by_hand

    with opened(model_type) as (store, decisions):
        pipeline = PipelineResource(preset=preset, overrides=parse_settings(settings or []), home=str(home()))
        config = pipeline.config(model_type)
        made = promote_by_hand(
            store,
            decisions,
            model_type,
            reason=reason,
            config=config,
            version=version,
            despite_gates=despite_gates,
        )
    _show(made, json)


def rollback(model_type: Type, reason: Reason, json: JsonFlag = False) -> None:
    """Make the previous model current again."""
    from srl_pipeline import promotion

    with opened(model_type) as (store, decisions):
        made = promotion.rollback(store, decisions, model_type, reason=reason)
    _show(made, json)


def retire(model_type: Type, reason: Reason, json: JsonFlag = False) -> None:
    """Take the current model away (it is bad, its files are lost): the next good candidate becomes the first."""
    from srl_pipeline import promotion

    with opened(model_type) as (store, decisions):
        made = promotion.retire(store, decisions, model_type, reason=reason)
    _show(made, json)


def _show(made: Decision, json: bool) -> None:
    if json:
        print_json(made.model_dump(mode="json"))
        return
    now = f"{made.after} is current" if made.after else "no model is current"
    console.print(f"Decision {made.id}: {made.model_type}: {now} (before: {made.before or 'none'}).", highlight=False)
    for line in made.reasons:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)
