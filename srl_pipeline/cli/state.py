"""``srl-pipeline state``: the table in which an installation keeps ledger, history, decisions and tuning jobs."""

from __future__ import annotations

import typer

app = typer.Typer(help="Where state is kept: SQLite files, or the DynamoDB table of SRL_STATE.", no_args_is_help=True)


@app.callback()
def state() -> None:
    """Commands on the state of an installation."""


@app.command()
def create() -> None:
    """Make the table of SRL_STATE where it is missing: on demand, encrypted, with point-in-time recovery."""
    from srl_pipeline.errors import PipelineError
    from srl_pipeline.registry.dynamo.create import create_table
    from srl_pipeline.registry.places import STATE, state_table

    name = state_table()
    if not name:
        raise PipelineError(
            "State is kept in SQLite files, which need no making.",
            where=f"environment variable {STATE}",
            mend="Set it to dynamodb://table-name to keep state in DynamoDB.",
        )
    print(f"The table {name} is made." if create_table(name) else f"The table {name} is there.")
