"""What the policy looks at, from history, decisions, ledger and the journal of live requests. No artifact is opened."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.registry import Decisions, Entry, History
from srl_pipeline.retraining.record import KEY
from srl_pipeline.retraining.records import Observed, Obstacle, Signal, Versions
from srl_pipeline.retraining.signals import drift, volume, weakness


def observe(
    home: Path,
    history: History,
    decisions: Decisions,
    model_type: str,
    versions: Versions,
    teacher: str,
    config: PipelineConfig,
    *,
    running: bool,
    failed: frozenset[str] = frozenset(),
) -> Observed:
    """One model type as it is now.

    Args:
        home: Folder of ledger and journal.
        teacher: Name of the responsible teacher.
        running: Whether a run of the type waits or is under way.
        failed: Keys of its latest runs that failed.
    """
    generations = history.entries("trajectories", model_type, last=8)
    generated_at = max((entry.at for entry in generations), default="")  # one that was found again is older
    month = now_iso()[:7]
    started = [d for d in decisions.decisions(model_type, kind="retraining") if KEY in d.evidence]
    return Observed(
        versions=versions,
        settings=config.retraining,
        signals=_signals(home, history, decisions, model_type, generated_at, config),
        generation=config.generation.generation,
        generated_at=generated_at,
        running=running,
        failed=failed,
        runs_this_month=sum(d.at[:7] == month for d in started),
        runs_ever=len(started),
        no_teaching=_no_money(home, model_type, teacher, config, month),
    )


def _signals(
    home: Path, history: History, decisions: Decisions, model_type: str, generated_at: str, config: PipelineConfig
) -> tuple[Signal, ...]:
    """The most pressing first."""
    from srl_pipeline.serving.journal import tally_since

    settings, found = config.retraining, list[Signal | None]()
    if not generated_at:
        return ()  # nothing was ever trained: a person begins
    if settings.on_drift and (current := decisions.aliases(model_type).get("current")):
        # Live answers are judged by the rules that their model was trained with: its own report is what compares.
        registered = history.entries("registered_model", model_type)
        own = next((entry for entry in reversed(registered) if entry.data_version == current), None)
        found.append(drift(tally_since(home, model_type, generated_at, current), own, config.serving))
    if settings.on_weakness:
        found.append(weakness(_last(history, "weaknesses", model_type)))
    found.append(volume(tally_since(home, model_type, generated_at), generated_at, settings.live_requests))
    return tuple(signal for signal in found if signal)


def _last(history: History, asset: str, model_type: str) -> Entry | None:
    """The newest entry that passed its gates."""
    entries = history.entries(asset, model_type, last=8)
    return next((entry for entry in reversed(entries) if not entry.failed_gates), None)


def _no_money(home: Path, model_type: str, teacher: str, config: PipelineConfig, month: str) -> Obstacle | None:
    """Why a paid teacher cannot be asked; None where it can, or costs nothing."""
    from srl_pipeline.registry import dollars, nanos
    from srl_pipeline.registry.places import has_ledger, open_ledger
    from srl_pipeline.teachers import teacher_entry

    entry, budget = teacher_entry(teacher), config.budget
    if entry.price is None or not (entry.price.input or entry.price.output):
        return None
    if not budget.month_usd:
        why = f"the teacher {teacher!r} costs money and no cap is set (budget.month_usd)"
        return Obstacle(kind="no cap", why=why)
    if not has_ledger(home):
        return None
    vendor = entry.account_vendor
    ledger = open_ledger(home)
    try:
        spent = [
            ("", budget.month_usd, ledger.spent_in_month(month)),
            (model_type, budget.model_type_month_usd, ledger.spent_in_month(month, model_type=model_type)),
            (vendor, budget.vendor_month_usd.get(vendor), ledger.spent_in_month(month, vendor=vendor)),
        ]
    finally:
        ledger.close()
    for whose, cap, balance in spent:
        if cap is not None and balance.committed + balance.held >= nanos(cap):
            of = f" of {whose}" if whose else ""
            why = f"the month's money{of} is spent: {dollars(balance.committed):.2f} of {cap:.2f} US dollars"
            return Obstacle(kind=f"money {month} {whose}", why=why)
    return None
