"""What the caps leave, for whoever wants to know before anything is set aside. What holds the caps is the ledger."""

from __future__ import annotations

from srl_pipeline.clock import now_iso
from srl_pipeline.registry.ledger import Account, Caps, Ledger, Nanos


def least_left(ledger: Ledger, account: Account, caps: Caps) -> tuple[Nanos, str]:
    """What the tightest cap leaves for an account now, and the setting that it is."""
    month = now_iso()[:7]
    scopes = {
        "budget.month_usd": (caps.month, ledger.spent_in_month(month)),
        "budget.model_type_month_usd": (
            caps.model_type_month,
            ledger.spent_in_month(month, model_type=account.model_type),
        ),
        f"budget.vendor_month_usd ({account.vendor})": (
            caps.vendor_month,
            ledger.spent_in_month(month, vendor=account.vendor),
        ),
        "budget.run_usd": (caps.run, ledger.spent_by_run(account.run)),
    }
    left = {name: cap - balance.committed - balance.held for name, (cap, balance) in scopes.items() if cap is not None}
    tightest = min(left, key=lambda name: left[name])
    return max(0, left[tightest]), tightest
