"""Test-only: candidates with figures, for what is decided without asking anybody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from srl_pipeline.config import SelectionConfig
from srl_pipeline.evaluation import wilson
from srl_pipeline.selection import Assessment, Candidate, Choice, Measurement, assess, decide

TASKS = 20


def student_here(folder: Path) -> None:
    """A student's folder as far as it is looked at before anything is loaded."""
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")


def measured(
    name: str,
    accepted: int = 16,
    usd: float | None = 0.01,
    p50: float | None = 2.0,
    p95: float | None = None,
    **changes: object,
) -> Measurement:
    """``accepted`` of `TASKS`, the first ones; ``usd`` is for an accepted one."""
    values: dict[str, object] = {
        "candidate": name,
        "version": f"version-of-{name}",
        "tasks": TASKS,
        "accepted": accepted,
        "solved": {f"s{n}": n < accepted for n in range(TASKS)},
        "pass_rate": wilson(accepted, TASKS),
        "usd_total": None if usd is None else usd * accepted,
        "usd_per_accepted": usd,
        "latency_p50_seconds": p50,
        "latency_p95_seconds": p50 if p95 is None else p95,
    }
    return Measurement.model_validate(values | changes)


def assessed(
    figures: Sequence[Measurement], config: SelectionConfig, incumbent: str = "old", **facts: Candidate
) -> dict[str, Assessment]:
    """By name."""
    candidates = [facts.get(m.candidate, Candidate(name=m.candidate, version=m.version)) for m in figures]
    return {a.name: a for a in assess(candidates, {m.candidate: m for m in figures}, incumbent, config)}


def chosen(figures: Sequence[Measurement], config: SelectionConfig, incumbent: str = "old") -> Choice:
    """What is decided."""
    return decide(list(assessed(figures, config, incumbent).values()), incumbent, config)
