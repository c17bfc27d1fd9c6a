"""Which observers watch a stage, by its configuration."""

from __future__ import annotations

from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.optimization.budgets import TimeBudget, TokenBudget
from srl_pipeline.training.optimization.observer import Observer


def observers_of(config: PolicyConfig) -> list[Observer]:
    """All observers of a stage, in the order in which they are asked."""
    found: list[Observer] = []
    if config.time_budget_seconds:
        found.append(TimeBudget(config.time_budget_seconds))
    if config.token_budget:
        found.append(TokenBudget(config.token_budget))
    return found
