"""``srl-pipeline audit``: who decided, spent, configured and removed what; and whether that is as it was kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, print_json, print_table

if TYPE_CHECKING:
    from srl_pipeline.registry import Decisions, Ledger

DAY = re.compile(r"\d{4}-\d\d(-\d\d(T[\d:]+(\+00:00)?)?)?")


def audit(
    model_type: Annotated[str, typer.Argument(metavar="[TYPE]", help="Model type. [default: all]")] = "",
    since: Annotated[str, typer.Option(metavar="DAY", help="Only from this day on, UTC: YYYY-MM-DD.")] = "",
    check: Annotated[bool, typer.Option("--verify", help="Look for what was edited or removed.")] = False,
    noted: Annotated[str, typer.Option(metavar="SEAL", help="A newest seal of earlier, for --verify.")] = "",
    json: JsonFlag = False,
) -> None:
    """Show every decision, every spending and every change of configuration in order of time, each with who did it."""
    from srl_pipeline.auditing import log
    from srl_pipeline.errors import PipelineError
    from srl_pipeline.model_types import pack_folder

    if since and not DAY.fullmatch(since):
        raise PipelineError(f"{since!r} is no day.", where="--since", mend="Write YYYY-MM-DD, e.g. 2026-11-28.")
    if noted and not check:
        raise PipelineError("A seal is given, and nothing is verified.", where="--noted", mend="Add --verify.")
    with _opened() as (decisions, ledger):
        if check:
            _verify(decisions, ledger, noted, json)
            return
        lines = log(
            decisions.decisions() if decisions else [],
            ledger.charges() if ledger else [],
            model_type=model_type,
            since=since,
        )
    if json:
        print_json([line.model_dump(mode="json") for line in lines])
    elif lines:
        rows = [(line.at[:16], line.actor, line.kind, line.model_type, line.what) for line in lines]
        print_table("Who did what", ("when", "who", "kind", "type", "what"), rows, wide=True)
    else:
        if model_type:
            pack_folder(model_type)  # an unknown type is an error, not an empty log
        print("Nothing was decided, spent or configured.")


@contextmanager
def _opened() -> Iterator[tuple[Decisions | None, Ledger | None]]:
    """None for what was never begun: looking makes no file."""
    from srl_pipeline.config import home
    from srl_pipeline.registry.places import has_decisions, has_ledger, open_decisions, open_ledger

    with ExitStack() as stack:
        decisions = stack.enter_context(closing(open_decisions(home()))) if has_decisions(home()) else None
        ledger = stack.enter_context(closing(open_ledger(home()))) if has_ledger(home()) else None
        yield decisions, ledger


def _verify(decisions: Decisions | None, ledger: Ledger | None, noted: str, json: bool) -> None:
    from srl_pipeline.auditing import verify

    found = verify(decisions, ledger, noted=noted)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        before = f", {found.unsealed} of them from before there were seals" if found.unsealed else ""
        print(f"{found.decisions} decisions{before}; the ledger's sums of {found.months} months.")
        print("\n".join(found.faults) or "All is as it was kept.")
        if found.newest_seal:
            print(f"Newest seal: {found.newest_seal}")
    if found.faults:
        raise typer.Exit(1)
