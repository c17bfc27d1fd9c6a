"""``srl-pipeline weaknesses``: what the newest model of a type is bad at."""

from __future__ import annotations

from typing import Annotated

import typer

from srl_pipeline.cli.newest import newest
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table

ASSET = "weaknesses"


def weaknesses(
    model_type: Annotated[str, typer.Argument(metavar="TYPE", help="Model type.")],
    json: JsonFlag = False,
    version: Annotated[str | None, typer.Option(help="Data version; the newest if left out.")] = None,
) -> None:
    """Show where a model fails more than elsewhere, what is worse than in the current model, and alarms."""
    from srl_pipeline.weaknesses import read_weaknesses
    from srl_pipeline.weaknesses.page import FIGURE_COLUMNS, figure_rows, summary_line

    artifact = newest(ASSET, model_type, version)
    found = read_weaknesses(artifact.path)
    if json:
        print_json(found.model_dump(mode="json"))
        return
    lines = [summary_line(found), *(f"{i}. {one.sentence}" for i, one in enumerate(found.found, start=1))]
    lines += [f"Worse: {one.sentence}" for one in found.regressions]
    if found.not_compared:
        lines.append(f"Not compared with the current model: {found.not_compared}.")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    print_table(f"Figures of {model_type}", FIGURE_COLUMNS, figure_rows(found), wide=True)
    console.print(f"All of it: {artifact.path / 'weaknesses.md'}", markup=False, highlight=False, soft_wrap=True)
