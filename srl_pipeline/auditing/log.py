"""One log, in order of time, of what was decided, spent, configured and removed. A pure function of what is kept."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.registry import NOT_RECORDED, Charge, Decision, dollars


class Line(Record):
    """One thing that somebody did."""

    at: str = Field(description="ISO 8601, UTC; the month alone for spending whose time was not recorded.")
    until: str = Field(default="", description="Spending: when the last of its calls was made.")
    kind: str = Field(description="A kind of decision, or `spending`.")
    model_type: str
    actor: str
    what: str = Field(description="In a sentence or two.")
    decision: int = Field(default=0, description="Number of the decision; 0 for spending.")
    usd: float = 0.0
    held_usd: float = Field(default=0.0, description="Set aside for calls whose cost is not known yet.")


def log(
    decisions: Iterable[Decision], charges: Iterable[Charge], *, model_type: str = "", since: str = ""
) -> list[Line]:
    """Lines of a model type or of all, oldest first, of what was done at ``since`` (ISO 8601, also a part) or later."""
    told = [_decided(d) for d in decisions if d.at >= since]
    told += [_spent(c) for c in charges if (c.last_at or c.month) >= since[: len(c.last_at or c.month)]]
    chosen = [line for line in told if line.model_type == (model_type or line.model_type)]
    return sorted(chosen, key=lambda line: (line.at, line.decision))


def _decided(decision: Decision) -> Line:
    moved = f"{decision.before or 'nothing'} → {decision.after or 'nothing'}. " if decision.verdict == "change" else ""
    if decision.kind == "configuration":
        moved = ""  # digests say nothing to a reader
    return Line(
        at=decision.at,
        kind=decision.kind,
        model_type=decision.model_type,
        actor=decision.actor or NOT_RECORDED,
        what=moved + decision.reasons[0],
        decision=decision.id,
    )


def _spent(charge: Charge) -> Line:
    account = charge.account
    calls = f"{charge.calls} call{'s' if charge.calls != 1 else ''}"
    return Line(
        at=charge.first_at or charge.month,
        until=charge.last_at,
        kind="spending",
        model_type=account.model_type,
        actor=charge.actor or NOT_RECORDED,
        what=f"${dollars(charge.committed):.4f} to {account.vendor} for {calls} of {account.run}.",
        usd=dollars(charge.committed),
        held_usd=dollars(charge.held),
    )
