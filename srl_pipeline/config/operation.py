"""Settings of operation without a person: what chooses teachers and students, what starts a training, what stays."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from srl_pipeline.config.base import Config


class SelectionWeights(Config):
    """What a candidate's benefit is made of; they sum to one."""

    quality: float = Field(default=0.7, ge=0, le=1)
    cost: float = Field(default=0.2, ge=0, le=1)
    latency: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> SelectionWeights:
        if not math.isclose(self.quality + self.cost + self.latency, 1.0, abs_tol=1e-9):
            raise ValueError("the weights of a selection must sum to one")
        return self


class SelectionConfig(Config):
    """How a teacher, or the student's base, is chosen among candidates."""

    candidates: list[str] = Field(default_factory=list, description="Teachers to choose among; fewer than 2: none.")
    students: list[str] = Field(default_factory=list, description="Students to choose among; fewer than 2: none.")
    tasks: int = Field(default=12, ge=2, description="Scenarios that every candidate teacher solves.")
    weights: SelectionWeights = SelectionWeights()
    min_pass_rate: float = Field(default=0.5, ge=0, le=1, description="Hard: share of tasks that must be verified.")
    max_usd_per_accepted: float | None = Field(
        default=None, ge=0, description="Hard: US dollars for one accepted trajectory."
    )
    max_latency_p95_seconds: float | None = Field(default=None, gt=0, description="Hard: seconds for one scenario.")
    margin: float = Field(default=0.02, ge=0, le=1, description="Hysteresis: a switch needs a score higher by this.")
    switch_usd: float = Field(
        default=0.0, ge=0, description="US dollars that a switch costs beside the measuring: checking, a new training."
    )
    accepted_per_month: int = Field(
        default=2000, ge=1, description="Accepted trajectories a month: what savings are counted on."
    )
    max_break_even_months: float = Field(
        default=6.0, gt=0, description="A switch that saves money must pay for itself in so many months."
    )
    quality_usd: float = Field(
        default=1.0,
        gt=0,
        description="US dollars a month that one more accepted trajectory in a hundred asked is worth.",
    )
    recheck_days: float = Field(default=7.0, gt=0, description="Days after which candidates are measured again.")


class RetrainingConfig(Config):
    """What starts a regeneration by itself. Rules, teacher, lore and student always do."""

    quiet_seconds: float = Field(
        default=20.0, ge=0, description="A change must stay as it is so long before it counts: edits come in series."
    )
    cooldown_hours: float = Field(
        default=24.0, ge=0, description="Between two generations that were started by what was measured."
    )
    retry_hours: float = Field(
        default=1.0, gt=0, description="A run that was started by itself and failed is started once more after so long."
    )
    runs_per_month: int = Field(default=200, ge=0, description="Automatic runs of a model type in a month; 0: none.")
    on_weakness: bool = Field(default=True, description="A new generation where weaknesses were found.")
    on_drift: bool = Field(default=True, description="A new generation where live requests are solved less often.")
    live_requests: int = Field(
        default=500, ge=1, description="A new generation after so many live requests since the last training."
    )
    max_generations: int = Field(
        default=50, ge=1, description="No further generation by itself beyond this number: a person should look."
    )


class RetentionConfig(Config):
    """What `srl-pipeline clean` leaves beside all that is in use."""

    keep: int = Field(default=3, ge=1, description="Newest versions of each asset, with all that they rest on.")
    keep_days: float = Field(default=30.0, ge=0, description="What is younger stays. In days.")
