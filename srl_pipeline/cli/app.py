"""The command line: thin commands over the domain packages. Heavy imports happen inside commands."""

from __future__ import annotations

import sys

import typer

from srl_pipeline.cli import (
    ablate,
    audit,
    card,
    chain,
    clean,
    doctor,
    explore,
    export,
    history,
    metrics,
    models,
    packs,
    promote,
    report,
    run,
    select,
    serve,
    settings,
    spending,
    state,
    status,
    teachers,
    tune,
    tunings,
    weaknesses,
)
from srl_pipeline.errors import PipelineError

MAKING, LOOKING, DECIDING, USING = "Make", "Look", "Decide", "Use"

app = typer.Typer(name="srl-pipeline", help=__doc__, no_args_is_help=True, pretty_exceptions_show_locals=False)
app.command("run", rich_help_panel=MAKING)(run.run)
app.command("ablate", rich_help_panel=MAKING)(ablate.ablate)
app.command("chain", rich_help_panel=MAKING)(chain.chain)
app.command("teach", rich_help_panel=MAKING)(explore.teach)
app.add_typer(state.app, name="state", rich_help_panel=MAKING)
app.command("tune", rich_help_panel=MAKING)(tune.tune)
app.add_typer(tunings.app, name="tunings", rich_help_panel=LOOKING)
app.add_typer(packs.app, name="packs", rich_help_panel=MAKING)
app.add_typer(teachers.app, name="teachers", rich_help_panel=MAKING)
app.command("report", rich_help_panel=LOOKING)(report.report)
app.command("card", rich_help_panel=LOOKING)(card.card)
app.command("weaknesses", rich_help_panel=LOOKING)(weaknesses.weaknesses)
app.command("history", rich_help_panel=LOOKING)(history.history)
app.command("spending", rich_help_panel=LOOKING)(spending.spending)
app.command("audit", rich_help_panel=LOOKING)(audit.audit)
app.command("status", rich_help_panel=LOOKING)(status.status)
app.command("metrics", rich_help_panel=LOOKING)(metrics.metrics)
app.command("doctor", rich_help_panel=LOOKING)(doctor.doctor)
app.add_typer(explore.lore_app, name="lore", rich_help_panel=LOOKING)
app.command("models", rich_help_panel=DECIDING)(models.models)
app.command("explain", rich_help_panel=DECIDING)(models.explain)
app.command("promote", rich_help_panel=DECIDING)(promote.promote)
app.command("rollback", rich_help_panel=DECIDING)(promote.rollback)
app.command("retire", rich_help_panel=DECIDING)(promote.retire)
app.command("clean", rich_help_panel=DECIDING)(clean.clean)
app.add_typer(select.app, name="select", rich_help_panel=DECIDING)
app.command("settings", rich_help_panel=DECIDING)(settings.settings)
app.command("serve", rich_help_panel=USING)(serve.serve)
app.command("export", rich_help_panel=USING)(export.export)


def main() -> None:
    """Run the command line; a PipelineError is printed, not thrown at the user."""
    try:
        app()
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
