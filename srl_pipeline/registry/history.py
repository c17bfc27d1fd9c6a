"""The history: what was made or found again, when, and what was measured of it. Append-only; nothing in it decides.

The newest entry of an asset is what the model type is at now: an artifact that is found again after another one (rules
that were taken back) is entered again. Artifacts may be removed one day; their entries stay, so trends reach further
back than files.
"""

from __future__ import annotations

import math
from typing import Protocol

from pydantic import Field

from srl_pipeline.contracts import Manifest, Record


class Entry(Record):
    """One artifact that was made: a generation, a training run, an evaluation, a registered model."""

    seq: int = Field(default=0, description="Place in the history, from 1; 0 before it is in it. Never goes back.")
    at: str = Field(description="When it was made, by the clock of its maker, which may go back: order by `seq`.")
    asset: str
    model_type: str
    data_version: str
    inputs: dict[str, str] = Field(description="Upstream asset -> data version.")
    metrics: dict[str, float] = Field(description="Finite figures only.")
    not_finite: list[str] = Field(default_factory=list, description="Metrics that were NaN or infinite.")
    failed_gates: list[str]
    seconds: float
    cost_usd: float
    preset: str = ""
    trigger: str = Field(default="manual", description="What started the run that made it.")


def entry_of(manifest: Manifest, *, trigger: str = "manual") -> Entry:
    """The entry of an artifact."""
    finite = {name: value for name, value in manifest.metrics.items() if math.isfinite(value)}
    return Entry(
        at=manifest.created_at,
        asset=manifest.asset,
        model_type=manifest.model_type,
        data_version=manifest.data_version,
        inputs=manifest.inputs,
        metrics=finite,
        not_finite=sorted(set(manifest.metrics) - set(finite)),
        failed_gates=[gate.name for gate in manifest.failed_gates],
        seconds=manifest.seconds,
        cost_usd=manifest.cost_usd,
        preset=str(manifest.notes.get("preset", "")),
        trigger=trigger,
    )


class History(Protocol):
    """Implemented on SQLite for one machine; on DynamoDB by the same rules. Safe to use from threads and processes."""

    def append(self, entry: Entry) -> Entry:
        """Keep ``entry`` and give it its `seq`; where the newest of its asset is the same, that one is returned."""
        ...

    def entries(self, asset: str, model_type: str, *, last: int | None = None) -> list[Entry]:
        """The entries of an asset of a model type, oldest first; of these the ``last`` so many."""
        ...

    def all_entries(self, model_type: str) -> list[Entry]:
        """Everything of a model type, oldest first."""
        ...

    def close(self) -> None:
        """Give back what it is kept in. Nothing may be under way."""
        ...
