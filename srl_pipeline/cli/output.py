"""How commands print: tables for people, canonical JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from srl_pipeline.canonical import dumps

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
console = Console()


def print_json(value: Any) -> None:
    """One line of canonical JSON on standard output."""
    print(dumps(value))


WIDE = 140
"""Characters of a wide table that is not read on a terminal."""


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, wide: bool = False) -> None:
    """A table on the terminal; elsewhere (a file, a pipe) a ``wide`` one is not cut to the width of a terminal."""
    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    stretch = wide and not console.is_terminal
    (Console(width=WIDE) if stretch else console).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 and value.is_integer() else f"{value:.4g}"
    return str(value)
