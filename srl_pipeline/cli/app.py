"""The command line: thin commands over the domain packages. Heavy imports happen inside commands."""

from __future__ import annotations

import sys

import typer

from srl_pipeline.cli import ablate, card, explore, packs, report, run, spending, teachers
from srl_pipeline.errors import PipelineError

app = typer.Typer(name="srl-pipeline", help=__doc__, no_args_is_help=True, pretty_exceptions_show_locals=False)
app.add_typer(packs.app, name="packs")
app.add_typer(explore.lore_app, name="lore")
app.add_typer(teachers.app, name="teachers")
app.command("teach")(explore.teach)
app.command("report")(report.report)
app.command("card")(card.card)
app.command("spending")(spending.spending)
app.command("run")(run.run)
app.command("ablate")(ablate.ablate)


def main() -> None:
    """Run the command line; a PipelineError is printed, not thrown at the user."""
    try:
        app()
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
