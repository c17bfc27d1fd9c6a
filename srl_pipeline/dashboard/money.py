"""What a month has cost against its caps: the ledger, and the caps of the configuration that runs here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from srl_pipeline.config import BudgetConfig, settings_of_installation
from srl_pipeline.contracts import Json
from srl_pipeline.dashboard.records import Spent
from srl_pipeline.model_types.spec import PackSpec
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import read_yaml
from srl_pipeline.presets import pack_config
from srl_pipeline.registry import Balance, decided_settings, dollars
from srl_pipeline.registry.places import has_ledger, open_ledger


def budget_of(home: Path, model_type: str, pack: Path) -> BudgetConfig:
    """The caps that hold for a model type; raises PipelineError for settings or a pack that cannot be used.

    Only pack.yaml is read, and only when it changed: a scrape every minute does not check a corpus each time.
    """
    file = pack / "pack.yaml"
    state = file.stat()
    settings = {**_training(file, state.st_mtime_ns, state.st_size), **decided_settings(home, model_type)}
    return pack_config(os.environ.get("SRL_PRESET") or "embedded", settings | settings_of_installation()).budget


@lru_cache(maxsize=256)
def _training(file: Path, changed_ns: int, size: int) -> Mapping[str, Json]:
    return MappingProxyType(validate(PackSpec, read_yaml(file)).training)


def statement(home: Path, month: str) -> dict[str, Balance]:
    """Scope -> what it has cost in ``month``; nothing where nothing was ever paid."""
    if not has_ledger(home):
        return {}
    ledger = open_ledger(home)
    try:
        return ledger.statement(month)
    finally:
        ledger.close()


def spending(balances: Mapping[str, Balance], budgets: Mapping[str, BudgetConfig]) -> list[Spent]:
    """A row a scope that has cost something or has a cap, 'all' first.

    Model types may have caps of their own for the month or a vendor: money can be spent until the largest is reached.
    """
    caps: dict[str, float | None] = {"all": _largest(b.month_usd for b in budgets.values())}
    caps |= {f"type {name}": b.model_type_month_usd for name, b in budgets.items()}
    vendors = sorted({vendor for b in budgets.values() for vendor in b.vendor_month_usd})
    for vendor in vendors:
        caps[f"vendor {vendor}"] = _largest(b.vendor_month_usd.get(vendor) for b in budgets.values())
    scopes = ["all", *sorted({*balances, *(scope for scope, cap in caps.items() if cap is not None)} - {"all"})]
    return [_spent(scope, balances.get(scope, Balance()), caps.get(scope)) for scope in scopes]


def _largest(values: Iterable[float | None]) -> float | None:
    """None: at least one has no cap, or there is none to set one."""
    found = list(values)
    return max(v for v in found if v is not None) if found and None not in found else None


def _spent(scope: str, balance: Balance, cap: float | None) -> Spent:
    return Spent(scope=scope, usd=dollars(balance.committed), held_usd=dollars(balance.held), cap_usd=cap)
