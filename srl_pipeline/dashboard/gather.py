"""Everything that the status page and the metrics show, of one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from srl_pipeline.clock import now_iso
from srl_pipeline.dashboard.model_status import status_of
from srl_pipeline.dashboard.money import budget_of, spending, statement
from srl_pipeline.dashboard.reader import Reader
from srl_pipeline.dashboard.records import Count, Gathered
from srl_pipeline.registry import Decision

DECISIONS_SHOWN = 20
FAILURES_SHOWN = 10
SOFTWARE = ("srl-pipeline", "dagster", "torch", "transformers", "trl", "peft")


def gather(home: Path) -> Gathered:
    """Everything that is known in ``home``. Reads only: it makes no file that is not there."""
    reader = Reader(home)
    packs = reader.packs()
    at = now_iso()
    with reader.history() as history, reader.decisions() as decisions:
        decided = reader.read("decisions", lambda: decisions.decisions() if decisions else [], [])
        failures = reader.failures()
        models = [
            status_of(reader.pieces(name, history, decisions, decided, [f for f in failures if f.model_type == name]))
            for name in packs
        ]
    budgets = {
        name: budget
        for name, folder in packs.items()
        if (budget := reader.read(f"caps of {name}", lambda n=name, f=folder: budget_of(home, n, f), None))
    }
    month = at[:7]
    balances = reader.read("ledger", lambda: statement(home, month), {})
    return Gathered(
        at=at,
        models=models,
        month=month,
        spent=spending(balances, budgets),
        decisions=decided[:DECISIONS_SHOWN],
        counts=_counts(decided),
        failures=failures[::-1][:FAILURES_SHOWN],
        software=_software(),
        problems=list(dict.fromkeys(reader.problems)),
    )


def _counts(decided: Sequence[Decision]) -> list[Count]:
    counted = Counter((d.model_type, d.kind, d.verdict) for d in decided)
    return [Count(model_type=m, kind=k, verdict=v, count=n) for (m, k, v), n in sorted(counted.items())]


def _software() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an installation without training has no torch
            continue
    return found
