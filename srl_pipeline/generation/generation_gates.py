"""Figures and gates of a generation. Pure."""

from __future__ import annotations

from srl_pipeline.config import GenerationConfig
from srl_pipeline.contracts import Gate
from srl_pipeline.generation.data_card import DataCard
from srl_pipeline.generation.tally import Tally


def metrics(card: DataCard, tally: Tally, forecast_usd: float) -> dict[str, float]:
    """Flat figures for the manifest; of calls and money only where the teacher makes calls."""
    found = {
        "trajectories": float(card.trajectories),
        "kept": float(card.kept),
        "asked": float(card.asked),
        "scenarios": float(card.scenarios),
        "near_best": float(card.near_best),
        "duplicates": float(tally.duplicates),
        "acceptance": card.acceptance,
        "novelty_mean": card.novelty_mean,
        "coverage_pairs": card.coverage_pairs,
        "coverage_ever": card.coverage_ever,
        "soft_cost_mean": tally.soft_cost.value,
        "revisions": float(tally.sent_back),
        "lore_tokens_mean": tally.lore_tokens.value,
        "seconds": card.seconds,
        **{f"difficulty_{band}": float(n) for band, n in card.difficulty.items()},
        **{f"share_{s.name}": s.share for s in card.strategies},
        **{f"sent_back_{reason}": float(n) for reason, n in card.sent_back.items()},
    }
    if card.cost is not None:
        figures = card.cost.model_dump(exclude={"usd", "calls"})
        found |= {f"calls_{name}": float(value) for name, value in figures.items()}
        found |= {"calls": float(card.cost.calls), "forecast_usd": forecast_usd}
    return found


def gates(tally: Tally, settings: GenerationConfig) -> list[Gate]:
    """Enough scenarios, enough accepted, none of the evaluation set, new enough."""
    least = max(2, int(settings.scenarios * settings.min_acceptance))
    return [
        Gate(
            name="count",
            passed=tally.scenarios >= least,
            value=tally.scenarios,
            threshold=least,
            message=f"{tally.scenarios} scenarios solved",
        ),
        Gate(
            name="acceptance",
            passed=tally.acceptance >= settings.min_acceptance,
            value=tally.acceptance,
            threshold=settings.min_acceptance,
            message=f"Model C accepted {tally.acceptance:.0%} of the candidates",
        ),
        Gate(
            name="no_overlap_with_evaluation",
            passed=tally.overlap == 0,
            value=tally.overlap,
            threshold=0,
            message=f"{tally.overlap} scenarios of the evaluation set were drawn",
        ),
        Gate(
            name="novelty",
            passed=tally.novelty.count == 0 or tally.novelty.value >= settings.min_novelty,
            value=tally.novelty.value,
            threshold=settings.min_novelty,
            message=f"mean novelty {tally.novelty.value:.3f}",
        ),
    ]
