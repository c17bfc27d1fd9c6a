"""The shares of the strategies in one generation, each with its reason in words."""

from __future__ import annotations

from collections.abc import Mapping

from srl_pipeline.config import GenerationConfig
from srl_pipeline.generation.drawing.mix import next_mix, pooled, yields
from srl_pipeline.generation.drawing.records import Feedback


def shares_and_reasons(
    settings: GenerationConfig, feedback: Feedback, missing: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, str]]:
    """Shares that add up to 1, and why. ``missing``: strategy -> why it has nothing to draw."""
    asked = list(settings.strategies)
    available = [name for name in asked if name not in missing]
    paid = yields(feedback.yields, asked)
    shares = next_mix(paid, available, feedback.previous_mix, floor=settings.exploration_floor, step=settings.mix_step)
    counts = pooled(feedback.yields)
    reasons: dict[str, str] = {}
    for name in asked:
        if name in missing:
            reasons[name] = missing[name]
        elif len(available) == 1:
            reasons[name] = "the only strategy with something to draw"
        else:
            own = counts.get(name)
            accepted, gradient = (own.accepted_share, own.gradient_share) if own else (None, None)
            reasons[name] = (
                f"yield {paid[name]:.3f} (accepted {_share(accepted)}, with gradient {_share(gradient)}), "
                f"before {feedback.previous_mix.get(name, 0.0):.0%}"
            )
    return shares, reasons


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.0%}"
