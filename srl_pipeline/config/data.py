"""Settings of what is read and what is generated: Model A, and Models B and C at work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from srl_pipeline.config.base import Config

Strategy = Literal["fresh", "adversarial", "frontier", "repair"]


def _with_fresh(names: list[Strategy]) -> list[Strategy]:
    if "fresh" not in names or len(set(names)) < len(names):
        raise ValueError("name each strategy once, and fresh among them")
    return names


Strategies = Annotated[list[Strategy], AfterValidator(_with_fresh)]


class LoreConfig(Config):
    """Model A."""

    embedder: str = Field(
        default="minilm", description="'minilm' (offline package) or the path of a Hugging Face encoder."
    )
    candidates: int = Field(default=12, ge=1, description="Chunks that each query brings before fusion.")
    rrf_k: int = Field(default=60, ge=1, description="Constant of reciprocal rank fusion, 1/(k + rank).")
    budget_tokens: int = Field(
        default=280, ge=16, description="Tokens of lore that a prompt may carry (embedder's tokens)."
    )
    max_chunk_words: int = Field(default=90, ge=20, description="Longer sections are cut at sentence ends.")


class GenerationConfig(Config):
    """Models B and C make trajectories."""

    teacher: str = Field(
        default="", description="Name of the teacher; empty: the one that teachers.yaml makes responsible for the type."
    )
    scenarios: int = Field(default=240, ge=2, description="Scenarios drawn in one generation.")
    candidates: int = Field(
        default=1, ge=1, le=8, description="Candidate solutions a scenario; all but the first near-best."
    )
    generation: int = Field(default=1, ge=1, description="Number of this generation: another number, other scenarios.")
    strategies: Strategies = Field(
        default=["fresh", "adversarial", "frontier", "repair"],
        description="How scenarios may be chosen: fresh at once, the others as soon as a student was measured.",
    )
    exploration_floor: float = Field(
        default=0.1, ge=0, le=0.25, description="Least share of a strategy that has something to draw."
    )
    mix_step: float = Field(
        default=0.25, gt=0, le=1, description="Most that the mix of strategies moves from one generation to the next."
    )
    near_duplicate: float = Field(
        default=0.04,
        ge=0,
        lt=1,
        description="Not drawn: a scenario of which only numbers differ from an earlier one, by less than this share "
        "of their range in total; 0: only an equal one.",
    )
    max_revisions: int = Field(default=2, ge=0, description="Times a rejected step goes back to the teacher.")
    concurrency: int = Field(default=2, ge=1, description="Scenarios worked on at once.")
    timeout_seconds: float = Field(
        default=0.0, ge=0, description="Time for all calls of a teacher in one generation; 0: no limit."
    )
    reasoning_words: int = Field(default=24, ge=0, description="Words of reasoning kept a step; 0 leaves it out.")
    min_acceptance: float = Field(
        default=0.8, ge=0, le=1, description="Gate: share of trajectories that Model C accepts."
    )
    min_novelty: float = Field(default=0.05, ge=0, le=1, description="Gate: mean novelty of the scenarios drawn.")
    validation_share: float = Field(
        default=0.1, gt=0, lt=0.5, description="Share of scenarios kept for validation rewards."
    )
