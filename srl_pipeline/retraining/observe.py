"""What the policy looks at, from history, decisions, ledger and the journal of live requests. No artifact is opened."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.registry import Decisions, Entry, History
from srl_pipeline.retraining.records import Observed, Signal, Versions
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
) -> Observed:
    """One model type as it is now.

    Args:
        home: Folder of ledger and journal.
        teacher: Name of the responsible teacher.
        running: Whether a run of the type waits or is under way.
    """
    generated = _last(history, "trajectories", model_type)
    month = now_iso()[:7]
    started = [d for d in decisions.decisions(model_type, kind="retraining") if d.verdict == "change"]
    return Observed(
        versions=versions,
        settings=config.retraining,
        signals=_signals(home, history, model_type, generated, config),
        generation=config.generation.generation,
        generated_at=generated.at if generated else "",
        running=running,
        runs_this_month=sum(d.at[:7] == month for d in started),
        obstacle=_no_money(home, model_type, teacher, config, month),
    )


def _signals(
    home: Path, history: History, model_type: str, generated: Entry | None, config: PipelineConfig
) -> tuple[Signal, ...]:
    """The most pressing first."""
    from srl_pipeline.serving.journal import tally_since

    settings, found = config.retraining, list[Signal | None]()
    if generated is None:
        return ()  # nothing was ever trained: a person begins
    live = tally_since(home, model_type, generated.at)
    if settings.on_drift:
        found.append(drift(live, _last(history, "eval_report", model_type), config.serving))
    if settings.on_weakness:
        found.append(weakness(_last(history, "weaknesses", model_type)))
    found.append(volume(live, generated, settings.live_requests))
    return tuple(signal for signal in found if signal)


def _last(history: History, asset: str, model_type: str) -> Entry | None:
    """The newest entry that passed its gates."""
    entries = history.entries(asset, model_type, last=8)
    return next((entry for entry in reversed(entries) if not entry.failed_gates), None)


def _no_money(home: Path, model_type: str, teacher: str, config: PipelineConfig, month: str) -> str:
    """Why a paid teacher cannot be asked; empty where it can, or costs nothing."""
    from srl_pipeline.generation.teaching import LEDGER
    from srl_pipeline.registry import SqliteLedger, dollars, nanos
    from srl_pipeline.teachers import teacher_entry

    price = teacher_entry(teacher).price
    if price is None or not (price.input or price.output):
        return ""
    if not config.budget.month_usd:
        return f"the teacher {teacher!r} costs money and no cap is set (budget.month_usd)"
    if not (home / LEDGER).exists():
        return ""
    ledger = SqliteLedger(home / LEDGER)
    try:
        found = {None: config.budget.month_usd, model_type: config.budget.model_type_month_usd}
        for name, cap in found.items():
            balance = ledger.spent_in_month(month, model_type=name)
            if cap is not None and balance.committed + balance.held >= nanos(cap):
                whose = f"of {name} " if name else ""
                return f"the month's money {whose}is spent: {dollars(balance.committed):.2f} of {cap:.2f} US dollars"
    finally:
        ledger.close()
    return ""
