"""Whether decisions and ledger are as they were kept: seals of the first, sums of the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.registry import Balance, Charge, Decisions, Ledger, dollars
from srl_pipeline.registry.seals import Sealed, faults

TRIES = 5


class Verified(Record):
    """What was looked at, and what is wrong."""

    decisions: int
    unsealed: int = Field(description="Decisions that were kept before there were seals.")
    newest_seal: str = Field(description="To be noted outside of the installation; empty where nothing is sealed.")
    months: int = Field(description="Months in which anything was spent.")
    faults: list[str]


def verify(decisions: Decisions | None, ledger: Ledger | None, *, noted: str = "") -> Verified:
    """Look at both; None for what was never begun.

    Args:
        noted: A newest seal of earlier: it must still be there, or somebody sealed everything anew.
    """
    records, last = decisions.sealed() if decisions else (list[Sealed](), 0)
    sealed = [record.seal for record in records if record.seal]
    wrong = [f"decisions: {fault}" for fault in faults(records, last)]
    if noted and noted not in sealed:
        wrong.append("decisions: none has the seal that was noted: they were sealed anew, or it is another register's")
    charges, sums = _settled(ledger) if ledger else (list[Charge](), dict[str, Balance]())
    return Verified(
        decisions=len(records),
        unsealed=len(records) - len(sealed),
        newest_seal=sealed[-1] if sealed else "",
        months=len(sums),
        faults=[*wrong, *unequal(charges, sums)],
    )


def unequal(charges: Sequence[Charge], sums: Mapping[str, Balance]) -> list[str]:
    """Months whose calls do not add up to the sum that is kept beside them."""
    found: list[str] = []
    for month, kept in sorted(sums.items()):
        committed = sum(charge.committed for charge in charges if charge.month == month)
        held = sum(charge.held for charge in charges if charge.month == month)
        if (committed, held) != (kept.committed, kept.held):
            found.append(
                f"ledger: the calls of {month} add up to ${dollars(committed):.4f} spent and ${dollars(held):.4f} set "
                f"aside; kept are ${dollars(kept.committed):.4f} and ${dollars(kept.held):.4f}"
            )
    return found


def _settled(ledger: Ledger) -> tuple[list[Charge], dict[str, Balance]]:
    """Calls and sums of one moment: while a run spends, they are read again."""
    charges = ledger.charges()
    for _ in range(TRIES):
        sums = _sums(ledger, charges)
        before, charges = charges, ledger.charges()
        if charges == before:
            return charges, sums
    return charges, _sums(ledger, charges)


def _sums(ledger: Ledger, charges: Sequence[Charge]) -> dict[str, Balance]:
    return {month: ledger.spent_in_month(month) for month in sorted({charge.month for charge in charges})}
