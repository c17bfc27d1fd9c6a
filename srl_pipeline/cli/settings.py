"""``srl-pipeline settings``: what decisions set for a model type, and the way back from each of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from srl_pipeline.cli.arguments import Type
from srl_pipeline.cli.models import opened
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from srl_pipeline.registry import Decision, Decisions


def settings(
    model_type: Type,
    clear: Annotated[str, typer.Option("--clear", metavar="NAME", help="Take this setting back.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who read the decision later.")] = "",
    json: JsonFlag = False,
) -> None:
    """List what decisions set for a type, and which decision did; with --clear take one setting back, with a reason.

    They hold over the preset and the pack; SRL_SETTINGS and overrides hold over them.
    """
    from srl_pipeline.registry import clear_setting

    if reason and not clear:
        raise PipelineError("A reason is given, but no setting.", where="--reason", mend="Name one with --clear.")
    with opened(model_type) as (_, decisions):
        if clear:
            _show_cleared(clear_setting(decisions, model_type, clear, reason=reason), json)
        else:
            _show(model_type, _rows(decisions, model_type), json)


def _rows(decisions: Decisions, model_type: str) -> list[dict[str, Any]]:
    values, made = decisions.settings(model_type), decisions.setting_decisions(model_type)
    return [
        {"name": name, "value": values[name], "decision": by.id, "kind": by.kind, "at": by.at, "reason": by.reasons[0]}
        for name, by in made.items()
        if name in values
    ]


def _show(model_type: str, rows: list[dict[str, Any]], json: bool) -> None:
    if json:
        print_json(rows)
    elif rows:
        cells = [(r["name"], r["value"], r["decision"], r["at"][:10], r["reason"]) for r in rows]
        columns = ("setting", "value", "decision", "of", "because")
        print_table(f"Decided settings of {model_type}", columns, cells, wide=True)
    else:
        console.print(f"No decision set anything for {model_type}.", markup=False, highlight=False)


def _show_cleared(made: Decision, json: bool) -> None:
    if json:
        print_json(made.model_dump(mode="json"))
        return
    lines = [f"Decision {made.id}: {made.after} (before: {made.before}).", *(f"- {line}" for line in made.reasons)]
    if made.kind in ("teacher", "student"):
        kept_away = "selection.candidates" if made.kind == "teacher" else "selection.students"
        lines.append(f"The next check may choose it again; take it out of {kept_away} to keep it away.")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
