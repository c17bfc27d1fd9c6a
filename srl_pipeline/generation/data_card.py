"""The data card of a generation: what was made, by which strategy, how new it is, what it cost, what was sent back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Record, TeacherRef
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.tally import Tally
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.environment.transcript import write

CARD = "data_card.json"


class StrategyCard(Record):
    """One strategy: the share that it was given, and what came of it."""

    name: str
    share: float = Field(description="Of the scenarios asked for, 0..1.")
    reason: str = Field(description="Why it has that share, or none.")
    scenarios: int
    trajectories: int
    abandoned: int
    duplicates: int


class Cost(Record):
    """What the teacher's answers cost: this run's calls, and the money of all attempts at this generation."""

    usd: float
    calls: int = Field(description="Calls answered, cached ones included.")
    cached: int = Field(description="Those answered from the cache, which cost nothing.")
    input_tokens: int
    output_tokens: int
    latency_p50: float = Field(description="Seconds of a call that was made.")
    latency_p95: float
    retries: int
    rate_limited: int


class Example(Record):
    """One trajectory, as text."""

    brief: str
    strategy: str
    lore: list[str] = Field(description="Ids of the documents cited.")
    transcript: str


class DataCard(Record):
    """All of it."""

    model_type: str
    generation: int
    teacher: TeacherRef
    seconds: float
    asked: int
    trajectories: int
    kept: int = Field(description="Taken over from the generation before, because only the rules changed.")
    scenarios: int
    near_best: int
    acceptance: float
    novelty_mean: float
    novelty_histogram: list[int] = Field(description="Scenarios in ten equal bins of novelty, 0 to 1.")
    coverage_pairs: float = Field(description="Share of pairs of axis values that occur in this generation.")
    coverage_ever: float = Field(description="The same over this and all earlier generations.")
    coverage_map: dict[str, dict[str, int]] = Field(description="Axis -> value (numbers in thirds) -> scenarios.")
    difficulty: dict[str, int]
    strategies: list[StrategyCard]
    drawing: dict[str, int] = Field(description="Proposals of scenarios that were not taken, by reason.")
    sent_back: dict[str, int] = Field(description="Answers that went back to the teacher, by reason.")
    rules_broken: dict[str, int] = Field(description="Rule -> answers that went back because of it.")
    abandoned: dict[str, int] = Field(description="Candidates given up, by reason.")
    cost: Cost | None = Field(description="None for a teacher that is not asked by calls.")
    learned_from: list[str] = Field(description="What of earlier generations steered this one, with versions.")
    examples: list[Example]


def data_card(
    model_type: str,
    generation: int,
    teacher: TeacherRef,
    tally: Tally,
    *,
    shares: Mapping[str, float],
    share_reasons: Mapping[str, str],
    drawing: Mapping[str, int],
    coverage_pairs: float,
    coverage_ever: float,
    learned_from: list[str],
    cost: Cost | None,
    seconds: float,
) -> DataCard:
    """The card of what ``tally`` counted."""
    names = sorted({*shares, *tally.by_strategy})
    return DataCard(
        model_type=model_type,
        generation=generation,
        teacher=teacher,
        seconds=round(seconds, 3),
        asked=tally.asked,
        trajectories=tally.trajectories,
        kept=tally.kept,
        scenarios=tally.scenarios,
        near_best=tally.near_best,
        acceptance=tally.acceptance,
        novelty_mean=tally.novelty.value,
        novelty_histogram=tally.novelty_bins,
        coverage_pairs=coverage_pairs,
        coverage_ever=coverage_ever,
        coverage_map={axis: dict(sorted(counts.items())) for axis, counts in tally.values.items()},
        difficulty={band: tally.bands[band] for band in ("easy", "medium", "hard")},
        strategies=[
            StrategyCard(
                name=name,
                share=shares.get(name, 0.0),
                reason=share_reasons.get(name, ""),
                **{k: tally.by_strategy.get(name, {}).get(k, 0) for k in _COUNTED},
            )
            for name in names
        ],
        drawing=dict(drawing),
        sent_back=dict(tally.reasons),
        rules_broken=dict(tally.rules.most_common(20)),
        abandoned=dict(tally.abandoned),
        cost=cost,
        learned_from=learned_from,
        examples=[
            Example(
                brief=t.scenario.brief,
                strategy=t.strategy,
                lore=list(dict.fromkeys(c.document_id for c in t.bundle.citations)),
                transcript=write(t.steps),
            )
            for t in tally.examples
        ],
    )


_COUNTED = ("scenarios", "trajectories", "abandoned", "duplicates")


def write_card(folder: Path, card: DataCard) -> None:
    """Leave ``data_card.json`` in an artifact that is being made."""
    write_durably(folder / CARD, pretty(card.model_dump(mode="json")))


def read_card(folder: Path) -> DataCard:
    """The card of a committed artifact; raises ArtifactError for one that this version cannot read."""
    file = folder / CARD
    try:
        return DataCard.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise ArtifactError(
            "There is no data card that can be read: another version of this program made these trajectories.",
            where=str(file),
            mend="Generate again; unchanged settings make the same trajectories, and paid answers are cached.",
        ) from error
