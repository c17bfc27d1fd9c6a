"""What every ledger judges alike, wherever it keeps its sums: scopes, expiry, and whether a cap would be exceeded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from srl_pipeline.errors import BudgetError, PipelineError
from srl_pipeline.registry.ledger import Balance, Caps, Hold, Nanos, dollars

LARGEST = 2**60
"""Nano-dollars that one call may cost at the most: a billion dollars, so that sums fit 64 bits."""


def check_amount(amount: Nanos) -> None:
    """Raises ValueError for what no call can cost."""
    if not 0 <= amount <= LARGEST:
        raise ValueError(f"{amount} nano-dollars is no amount that a call can cost")


def expiry(now: str, seconds: float) -> str:
    """When a hold that is made ``now`` expires."""
    return (datetime.fromisoformat(now) + timedelta(seconds=math.ceil(seconds))).isoformat(timespec="seconds")


def scopes_of(hold: Hold) -> dict[str, str]:
    """Field of `Caps` -> the scope in which a hold counts towards it."""
    account = hold.account
    return {
        "month": f"month:{hold.month}",
        "model_type_month": f"model_type:{hold.month}:{account.model_type}",
        "vendor_month": f"vendor:{hold.month}:{account.vendor}",
        "run": f"run:{account.run}",
    }


def month_scope(month: str, model_type: str | None, vendor: str | None) -> str:
    """The scope of a month, of a model type in it, or of a vendor in it; raises ValueError for both."""
    if model_type is not None and vendor is not None:
        raise ValueError("a month is summed for a model type or for a vendor, not for both")
    if model_type is not None:
        return f"model_type:{month}:{model_type}"
    return f"vendor:{month}:{vendor}" if vendor is not None else f"month:{month}"


def check_caps(hold: Hold, caps: Caps, balances: Mapping[str, Balance]) -> None:
    """Raises BudgetError where ``hold`` does not fit; ``balances`` are those of its scopes without it."""
    account = hold.account
    named: dict[str, tuple[Nanos | None, str, str]] = {
        "month": (caps.month, f"the monthly cap ({hold.month})", "budget.month_usd"),
        "model_type_month": (
            caps.model_type_month,
            f"the monthly cap of model type {account.model_type!r} ({hold.month})",
            "budget.model_type_month_usd",
        ),
        "vendor_month": (
            caps.vendor_month,
            f"the monthly cap of vendor {account.vendor!r} ({hold.month})",
            f"budget.vendor_month_usd[{account.vendor!r}]",
        ),
        "run": (caps.run, f"the cap of run {account.run}", "budget.run_usd"),
    }
    scopes = scopes_of(hold)
    for field, (cap, name, setting) in named.items():
        if cap is None:
            continue
        balance = balances.get(scopes[field], Balance())
        left = cap - balance.committed - balance.held
        if hold.amount > left:
            raise BudgetError(
                f"The call may cost {_usd(hold.amount)}, but {_usd(max(left, 0))} is left of {name} of {_usd(cap)}: "
                f"{_usd(balance.committed)} is spent, {_usd(balance.held)} is set aside for calls under way.",
                where=f"model type {account.model_type}, vendor {account.vendor}, run {account.run}",
                mend=f"Set {setting}: nothing is paid without it." if cap == 0 else _wait_or_raise(setting, field),
            )


def unknown_hold(hold: Hold, mend: str) -> PipelineError:
    """The error for a hold that a ledger never gave."""
    return PipelineError(
        f"The ledger knows no hold {hold.id} (call {hold.call}).", where=f"ledger, run {hold.account.run}", mend=mend
    )


def _wait_or_raise(setting: str, field: str) -> str:
    return f"Raise {setting}." if field == "run" else f"Raise {setting}, or wait for the next month (UTC)."


def _usd(amount: Nanos) -> str:
    """Every digit that counts, and at least cents."""
    whole, _, part = f"{dollars(amount):.9f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
