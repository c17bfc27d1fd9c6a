"""What the status page and the Prometheus metrics show: gathered once, shown twice. Data only."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.registry import Decision
from srl_pipeline.tracking import Point


class Trend(Record):
    """One figure over the newest evaluations, oldest first."""

    metric: str
    points: list[Point]
    promoted: list[str] = Field(description="Data versions among the points whose model became the current one.")


class Failure(Record):
    """A run that failed."""

    time: str
    model_type: str
    job: str
    message: str = Field(description="Its first line.")


class Stage(Record):
    """How many held-out scenarios a stage of the newest evaluation solves."""

    stage: str
    solved: Estimate


class Evaluation(Record):
    """What is known of one evaluated model."""

    version: str = Field(description="Data version: of the report, or of the registered model.")
    at: str
    solved: Estimate
    metrics: dict[str, float] = Field(description="Finite figures only.")
    failed_gates: list[str] = Field(default_factory=list[str])


class WeakSpots(Record):
    """What the detector found in the newest model."""

    sentences: list[str] = Field(description="Worst first.")
    regressions: list[str] = Field(description="Figures and slices that are worse than the promoted model's.")


class ModelStatus(Record):
    """One model type."""

    model_type: str
    current: Evaluation | None = Field(description="The promoted model, as measured last; None: none is promoted.")
    since: str = Field(description="When it became current; empty where no decision says so.")
    candidate: str = Field(description="Data version of the model that waits; empty: none.")
    newest: Evaluation | None = Field(description="The newest report; None: never evaluated.")
    stages: list[Stage]
    last_decision: Decision | None
    alarms: list[str]
    lost: list[str] = Field(description="Aliases whose files are gone.")
    weak: WeakSpots | None = Field(description="None: nothing was looked at.")
    trends: list[Trend]
    runs_on: dict[str, str] = Field(description="What the current model was made from: asset -> data version.")
    preset: str
    failed_runs: int = Field(description="Since the installation keeps count.")


class Spent(Record):
    """Money of a month in one scope, US dollars."""

    scope: str = Field(description="'all', 'type <name>' or 'vendor <name>'.")
    usd: float
    held_usd: float = Field(description="Set aside for calls under way.")
    cap_usd: float | None = Field(description="None: no cap.")

    @property
    def share(self) -> float | None:
        """Spent and set aside, as a share of the cap; None without a cap."""
        return (self.usd + self.held_usd) / self.cap_usd if self.cap_usd else None


class Count(Record):
    """Decisions of one kind."""

    model_type: str
    kind: str
    verdict: str
    count: int


class Gathered(Record):
    """All of it."""

    at: str
    models: list[ModelStatus]
    month: str = Field(description="YYYY-MM, UTC.")
    spent: list[Spent]
    decisions: list[Decision] = Field(description="Newest first.")
    counts: list[Count]
    failures: list[Failure] = Field(description="Newest first.")
    software: dict[str, str]
    problems: list[str] = Field(description="What could not be read, and why.")
