"""``srl-pipeline spending``: what paid calls cost in a month, and what the caps leave."""

from __future__ import annotations

from typing import Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, print_json, print_table


def spending(
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="[default: this month, UTC]")] = "",
    json: JsonFlag = False,
) -> None:
    """Show what was spent on teachers in a month: in all, by model type, by vendor."""
    from srl_pipeline.clock import now_iso
    from srl_pipeline.config import home
    from srl_pipeline.errors import PipelineError
    from srl_pipeline.registry import dollars
    from srl_pipeline.registry.places import has_ledger, open_ledger

    asked = month or now_iso()[:7]
    if len(asked) != 7 or asked[4] != "-" or not (asked[:4] + asked[5:]).isdigit():
        raise PipelineError(f"{asked!r} is no month.", where="--month", mend="Write YYYY-MM, e.g. 2026-11.")
    rows: list[tuple[str, float, float]] = []
    if has_ledger(home()):
        ledger = open_ledger(home())
        try:
            found = ledger.statement(asked)
            rows = [(name, dollars(balance.committed), dollars(balance.held)) for name, balance in found.items()]
        finally:
            ledger.close()
    if json:
        print_json({"month": asked, "scopes": [{"scope": n, "usd": c, "held_usd": h} for n, c, h in rows]})
    elif rows:
        table = [(name, f"{committed:.4f}", f"{held:.4f}") for name, committed, held in rows]
        print_table(f"Spent in {asked}, US dollars", ("what", "spent", "set aside"), table)
    else:
        print(f"Nothing was spent in {asked}.")
