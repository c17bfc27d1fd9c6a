"""What is known of a candidate, what was measured of it, and what that is worth. Units are in the names."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.registry import Alternative

Responsibility: TypeAlias = Literal["teacher", "student"]
Hindrance: TypeAlias = Literal["unavailable", "down", "budget", "unmeasured"]
"""Why there are no figures: it cannot be asked at all; it did not answer this time; its money was refused; anything
else."""
Constraint: TypeAlias = Literal["terms", "availability", "price", "measurement", "quality", "cost", "latency"]
"""What a candidate must meet before it is scored. `measurement` says nothing against the candidate: it is not known."""


class Candidate(Record):
    """What is known of a candidate before anything is asked of it."""

    name: str
    version: str = Field(description="Hash of what decides its answers; empty where there is no such candidate.")
    training_allowed: bool = Field(default=True, description="Whether its outputs may train a model.")
    price_known: bool = True
    problem: str = Field(default="", description="Why it cannot be asked at all: one sentence; else empty.")


class Measurement(Record):
    """One candidate on the responsibility's tasks. None: it was not measured, or is not defined."""

    candidate: str
    version: str
    tasks: int = 0
    accepted: int = Field(default=0, description="Tasks that Model C verified.")
    solved: dict[str, bool] = Field(default_factory=dict, description="Scenario id -> whether it was accepted.")
    pass_rate: Estimate = Estimate(value=None, low=None, high=None, n=0)
    usd_total: float | None = Field(default=None, description="US dollars for all tasks, at today's price.")
    usd_per_accepted: float | None = Field(default=None, description="US dollars; None where nothing was accepted.")
    latency_p50_seconds: float | None = Field(default=None, description="Of one scenario, from brief to last step.")
    latency_p95_seconds: float | None = None
    measuring_usd: float = Field(default=0.0, description="US dollars that measuring it has cost, by the ledger.")
    hindrance: Hindrance | None = None
    problem: str = Field(default="", description="Why it was not measured: one sentence; else empty.")


class Refusal(Record):
    """A hard constraint that a candidate does not meet."""

    constraint: Constraint
    why: str = Field(description="One sentence.")


class Score(Record):
    """What a candidate is worth: parts in 0..1, and their weighted sum in 0..1. No part has a unit."""

    quality: float
    cost: float
    latency: float
    total: float


class Assessment(Record):
    """A candidate that may be chosen (it has a score), or may not (it has refusals)."""

    candidate: Candidate
    measurement: Measurement | None = Field(description="None where it was not even tried.")
    refusals: list[Refusal] = Field(default_factory=list[Refusal])
    score: Score | None = None

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.candidate.name


class BreakEven(Record):
    """When a switch has paid for itself. Amounts in US dollars; a month's figures are for `accepted_per_month`."""

    switching_usd: float
    money_usd_per_month: float = Field(description="Saved on accepted trajectories; negative where they cost more.")
    quality_usd_per_month: float = Field(description="What the difference of the pass rates is worth.")
    months: float | None = Field(description="None: never.")

    @property
    def saving_usd_per_month(self) -> float:
        """Money and quality together."""
        return self.money_usd_per_month + self.quality_usd_per_month


class Choice(Record):
    """What the figures say, before anybody writes it down."""

    chosen: str
    change: bool
    reasons: list[str] = Field(min_length=1, description="Sentences; the one that decided comes first.")
    alternatives: list[Alternative]
    break_even: BreakEven | None = Field(description="Of the switch that was made, or that came nearest.")
