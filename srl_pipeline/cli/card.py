"""``srl-pipeline card``: what the newest generation of a model type is made of, and what it cost."""

from __future__ import annotations

from typing import Annotated

import typer

from srl_pipeline.cli.newest import newest
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table

ASSET = "trajectories"


def card(
    model_type: Annotated[str, typer.Argument(metavar="TYPE", help="Model type.")],
    json: JsonFlag = False,
    version: Annotated[str | None, typer.Option(help="Data version; the newest if left out.")] = None,
) -> None:
    """Show the data card of a generation: counts, novelty, coverage, strategies, cost, what was sent back."""
    from srl_pipeline.generation.card_page import STRATEGY_COLUMNS, cost_line, strategy_rows, summary_line
    from srl_pipeline.generation.data_card import read_card

    found = newest(ASSET, model_type, version)
    made = read_card(found.path)
    if json:
        print_json(made.model_dump(mode="json"))
        return
    for line in (summary_line(made), cost_line(made.cost)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    print_table(f"Generation {made.generation} of {model_type}", STRATEGY_COLUMNS, strategy_rows(made), wide=True)
    counted = [
        ("sent back", made.sent_back),
        ("rule broken", made.rules_broken),
        ("given up", made.abandoned),
        ("scenario not taken", made.drawing),
    ]
    rows = [(what, reason, n) for what, counts in counted for reason, n in sorted(counts.items(), key=lambda c: -c[1])]
    if rows:
        print_table("Counted", ("what", "reason", "times"), rows, wide=True)
    console.print(f"All of it: {found.path / 'data_card.json'}", markup=False, highlight=False, soft_wrap=True)
