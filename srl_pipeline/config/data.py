"""Settings of what is read and what is generated: Model A, and Models B and C at work."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.config.base import Config


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

    teacher: str = Field(default="search", description="Name of the teacher; its version is pinned by teacher_model.")
    scenarios: int = Field(default=240, ge=2, description="Scenarios drawn in one generation.")
    candidates: int = Field(
        default=1, ge=1, le=8, description="Candidate solutions a scenario; all but the first near-best."
    )
    generation: int = Field(default=1, ge=1, description="Number of this generation: another number, other scenarios.")
    max_revisions: int = Field(default=2, ge=0, description="Times a rejected step goes back to the teacher.")
    concurrency: int = Field(default=2, ge=1, description="Scenarios worked on at once.")
    reasoning_words: int = Field(default=24, ge=0, description="Words of reasoning kept a step; 0 leaves it out.")
    min_acceptance: float = Field(
        default=0.8, ge=0, le=1, description="Gate: share of trajectories that Model C accepts."
    )
    min_novelty: float = Field(default=0.05, ge=0, le=1, description="Gate: mean novelty of the scenarios drawn.")
    validation_share: float = Field(
        default=0.1, gt=0, lt=0.5, description="Share of scenarios kept for validation rewards."
    )
