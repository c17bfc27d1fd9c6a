"""Which observers watch a stage, by its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from srl_pipeline.config import PolicyConfig, RlvrConfig
from srl_pipeline.contracts import Step
from srl_pipeline.training.optimization.budgets import MoneyBudget, TimeBudget, TokenBudget
from srl_pipeline.training.optimization.hack_watch import HackWatch
from srl_pipeline.training.optimization.observer import Observer
from srl_pipeline.training.optimization.plateau import Plateau
from srl_pipeline.training.optimization.step_samples import StepSampling
from srl_pipeline.training.rollouts.coverage import CoverageAccount, Origin
from srl_pipeline.training.routing import RouteAccount, RoutedScenario


@dataclass(frozen=True)
class Circumstances:
    """What a stage's own configuration does not say.

    Attributes:
        origin: What the prompts were made of.
        solutions: An expert's steps by scenario id.
        usd_per_hour: Price of the machine.
        spent_usd: What the artifact has cost before the stage: the warm-up.
        routed: Scenarios that were measured before RLVR.
    """

    origin: Origin
    solutions: Mapping[str, Sequence[Step]]
    usd_per_hour: float = 0.0
    spent_usd: float = 0.0
    routed: Sequence[RoutedScenario] = field(default=())


def observers_of(config: PolicyConfig, circumstances: Circumstances | None = None) -> list[Observer]:
    """All observers of a stage, in the order in which they are asked.

    Without ``circumstances`` only those that need nothing else than the configuration.
    """
    found: list[Observer] = []
    if config.time_budget_seconds:
        found.append(TimeBudget(config.time_budget_seconds))
    if config.token_budget:
        found.append(TokenBudget(config.token_budget, config.prompts_per_step))
    if config.patience:
        found.append(Plateau(config.patience))
    if config.step_samples:
        found.append(StepSampling(config.step_samples))
    return found + (_told(config, circumstances) if circumstances else [])


def _told(config: PolicyConfig, about: Circumstances) -> list[Observer]:
    found: list[Observer] = [CoverageAccount(about.origin), HackWatch(about.solutions)]
    if config.cost_budget_usd:
        found.append(MoneyBudget(config.cost_budget_usd, about.usd_per_hour, about.spent_usd))
    if isinstance(config, RlvrConfig):
        found.append(RouteAccount(about.routed))
    return found
