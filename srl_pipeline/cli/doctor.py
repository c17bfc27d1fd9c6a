"""``srl-pipeline doctor``: is this machine and this installation fit to run?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.output import WIDE, JsonFlag, console, print_json
from srl_pipeline.config import home

if TYPE_CHECKING:
    from srl_pipeline.doctor import Finding

_STYLE = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Ask configured endpoints, bucket and table as well; nothing is paid.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Look at machine, packages, settings, teachers, state and Dagster; change nothing. Exit 1 where a problem is."""
    from srl_pipeline.doctor import Installation, examine

    found: list[tuple[str, Finding]] = []
    try:
        found.extend(examine(Installation(home(), online)))
    finally:
        if not json:  # also when a check breaks: what was found before is of use
            _show(found)
    problems = sum(finding.level == "problem" for _, finding in found)
    if json:
        lines = [{"check": name, **finding.model_dump(mode="json")} for name, finding in found]
        print_json({"problems": problems, "findings": lines})
    raise typer.Exit(1 if problems else 0)


def _show(found: list[tuple[str, Finding]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, show_lines=False, box=None, pad_edge=False)
    for name, finding in found:
        mended = f"\nwhere: {finding.where}\nmend:  {finding.mend}" if finding.mend else ""
        table.add_row(
            Text(finding.level, _STYLE[finding.level]), name, Text(f"{finding.what}{mended}", overflow="fold")
        )
    (console if console.is_terminal else Console(width=WIDE)).print(table)
    counts = [f"{sum(f.level == level for _, f in found)} {level}" for level in ("problem", "warning", "ok")]
    print(", ".join(counts))
