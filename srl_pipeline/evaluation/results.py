"""What an evaluation measured, before any statistics: the machine-readable truth behind a report."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.contracts import Record


class Episode(Record):
    """One held-out scenario, solved greedily by one checkpoint."""

    scenario_id: str
    axes: dict[str, str | float]
    band: str = Field(description="easy, medium or hard.")
    correct: bool = Field(description="Verified: complete, well-formed, no hard violation.")
    format_ok: bool = Field(description="Every step parsed.")
    reward: float
    steps_ok: int = Field(description="Steps without structural error or hard violation.")
    tokens: int = Field(description="Tokens generated.")
    broken: list[str] = Field(description="Ids of broken rules ('schema' for structure).")
    hard_broken: list[str]
    considered: list[str] = Field(description="Ids of rules that applied.")
    text: str = Field(default="", description="The transcript, kept for sample episodes only.")


class StageResult(Record):
    """One checkpoint on the held-out set."""

    stage: str = Field(description="base, warmup, srl, rlvr or current.")
    data_version: str = Field(description="Version of the checkpoint's artifact; empty for the base model.")
    episodes: list[Episode]
    seconds: float
    peak_memory_mb: float
    latencies: list[float] = Field(
        default_factory=list[float],
        description="Wall seconds of answering the first scenarios once more, one at a time; empty: untimed.",
    )
    latency_tokens: int = Field(default=0, description="Tokens generated in those, in all.")
    measured_at: str = Field(default="", description="ISO 8601, when it was timed; empty: not recorded.")
    machine: str = Field(default="", description="Kind of machine that it was timed on; empty: not recorded.")


class TrainingSummary(Record):
    """What a training stage did, from its own metrics."""

    stage: str = Field(description="warmup, srl or rlvr.")
    steps: int
    seconds: float
    generated_tokens: int
    trained_tokens: int
    metrics: dict[str, float] = Field(description="E.g. kept_fraction, kl, reward_first, reward_last, format_rate.")
    curve: list[dict[str, float]] = Field(description="A row an optimizer step: step, reward, kept_fraction, kl, …")
    note: str = ""


class EvaluationResults(Record):
    """All of it."""

    model_type: str
    preset: str
    evaluation_version: int
    confidence: float
    skills: dict[str, str] = Field(description="Rule id -> skill.")
    stages: list[StageResult]
    training: list[TrainingSummary]
    versions: dict[str, str] = Field(description="Asset -> data version of everything this rests on.")
