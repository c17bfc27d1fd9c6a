"""What starts a training without a person: changes, weaknesses, drift; debounced, within limits, one at a time."""

from srl_pipeline.retraining.policy import Plan, plan
from srl_pipeline.retraining.records import PINS, Observed, Obstacle, Refusal, Regeneration, Signal, Versions

__all__ = ["PINS", "Observed", "Obstacle", "Plan", "Refusal", "Regeneration", "Signal", "Versions", "plan"]
