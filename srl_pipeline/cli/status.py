"""``srl-pipeline status``: write the status page, and tell the state of every model type in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table

if TYPE_CHECKING:
    from srl_pipeline.dashboard import ModelStatus


def status(
    browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    json: JsonFlag = False,
) -> None:
    """Show which model of each type is current, how good it is, and what needs attention; write the page of it."""
    from srl_pipeline.config import home
    from srl_pipeline.dashboard import gather, write_status

    gathered = gather(home())
    page = write_status(home(), gathered)
    if json:
        print_json({"page": str(page), **gathered.model_dump(mode="json")})
    else:
        columns = ("model type", "current", "it solves", "newest", "candidate", "alarms")
        print_table("Models", columns, [_row(m) for m in gathered.models], wide=True)
        lines = [f"{m.model_type}: {alarm}" for m in gathered.models for alarm in m.alarms]
        for line in [*gathered.problems, *lines, f"Status page: {page}"]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if browser:
        typer.launch(page.as_uri())


def _row(model: ModelStatus) -> tuple[str | int, ...]:
    from srl_pipeline.dashboard.words import fraction, short

    current, newest = model.current, model.newest
    return (
        model.model_type,
        short(current.version) if current else "none",
        fraction(current.solved) if current else "",
        fraction(newest.solved) if newest else "never evaluated",
        short(model.candidate) if model.candidate else "",
        len(model.alarms),
    )
