"""Settings of the decisions that follow an evaluation: weaknesses, promotion, serving."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.config.base import Config


class WeaknessConfig(Config):
    """What counts as a weakness."""

    false_discovery_rate: float = Field(
        default=0.1, gt=0, lt=0.5, description="Expected share of false ones among the weaknesses that are reported."
    )
    min_scenarios: int = Field(default=6, ge=1, description="Slices with fewer held-out scenarios are not tested.")
    min_effect: float = Field(
        default=0.1, ge=0, le=1, description="A slice is weak only when it lies this far below the rest, as a share."
    )
    window: int = Field(default=8, ge=2, description="Evaluations that trends look at.")
    regression_factor: float = Field(
        default=1.5, gt=1, description="A latency, a memory, a cost this many times the promoted model's is an alarm."
    )
    steer: float = Field(
        default=0.5, ge=0, le=1, description="How much weaknesses weigh when the next scenarios are chosen; 0: not."
    )


class PromotionConfig(Config):
    """When a candidate becomes the current model."""

    automatic: bool = Field(default=True, description="False: candidates wait for a person, who promotes one.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of the paired test that calls it better.")
    non_inferiority: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="A cheaper candidate, which solves no fewer, may be this share worse at most (lower bound).",
    )
    cheaper_by: float = Field(
        default=0.2, gt=0, lt=1, description="Share by which the median latency must fall to count as cheaper."
    )
    max_forgetting: float = Field(
        default=0.15, gt=0, le=1, description="No slice may fall by more than this share, as far as it can be told."
    )
    max_kl: float = Field(default=0.5, gt=0, description="Mean KL a token of RLVR to its start.")
    max_hard_violation_rise: float = Field(
        default=0.02, ge=0, le=1, description="Most that the share of hard violations among readable answers may rise."
    )


class ServingConfig(Config):
    """What a server takes, and when a model that serves is taken back."""

    max_tokens: int = Field(default=512, ge=16, description="Tokens of an answer at the most.")
    max_messages: int = Field(default=64, ge=1, description="Messages of a request at the most.")
    max_body_kb: int = Field(default=256, ge=1, description="Kilobytes of a request at the most.")
    queue: int = Field(
        default=16, ge=1, description="Requests that may wait; more are refused with 503. More shadows are dropped."
    )
    poll_seconds: float = Field(default=2.0, gt=0, description="Between two looks at the aliases.")
    window: int = Field(default=50, ge=5, description="Requests that the alarm for errors looks back on.")
    min_requests: int = Field(default=20, ge=5, description="No alarm before so many.")
    max_error_rate: float = Field(default=0.1, gt=0, lt=1, description="Share of requests that may fail.")
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="Of the interval of errors, and of the sequential test of quality."
    )
