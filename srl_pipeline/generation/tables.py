"""Trajectories and rewards as Parquet: a row a candidate. Nested records are canonical JSON in text columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Record, Trajectory, Verdict

TRAJECTORIES = "trajectories.parquet"
REWARDS = "rewards.parquet"


class Reward(Record):
    """Model C's verdict on one trajectory, and whether it is used for training or validation."""

    trajectory_id: str
    accepted: bool
    split: str = Field(description="train or validation.")
    verdict: Verdict


def write_trajectories(folder: Path, trajectories: Iterable[Trajectory]) -> None:
    """Write them in the given order."""
    rows = [
        {
            "id": t.id,
            "scenario_id": t.scenario.id,
            "brief": t.scenario.brief,
            "difficulty": t.scenario.difficulty,
            "variant": t.variant,
            "teacher": f"{t.teacher.name}@{t.teacher.version}",
            "generation": t.generation,
            "novelty": t.novelty,
            "soft_cost": t.soft_cost,
            "revisions": len(t.revisions),
            "record": dumps(t.model_dump(mode="json")),
        }
        for t in trajectories
    ]
    _write(folder / TRAJECTORIES, rows)


def read_trajectories(folder: Path) -> list[Trajectory]:
    """Read what `write_trajectories` wrote."""
    return [Trajectory.model_validate_json(text) for text in _column(folder / TRAJECTORIES, "record")]


def write_rewards(folder: Path, rewards: Iterable[Reward]) -> None:
    """Write them in the given order."""
    rows = [
        {
            "trajectory_id": r.trajectory_id,
            "accepted": r.accepted,
            "split": r.split,
            "outcome_reward": r.verdict.outcome_reward,
            "step_compliance": [s.compliance for s in r.verdict.steps],
            "violations": [v.rule_id for v in r.verdict.violations],
            "record": dumps(r.model_dump(mode="json")),
        }
        for r in rewards
    ]
    _write(folder / REWARDS, rows)


def read_rewards(folder: Path) -> list[Reward]:
    """Read what `write_rewards` wrote."""
    return [Reward.model_validate_json(text) for text in _column(folder / REWARDS, "record")]


def _write(file: Path, rows: list[dict[str, object]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd")


def _column(file: Path, name: str) -> list[str]:
    import pyarrow.parquet as pq

    return pq.read_table(file, columns=[name]).column(name).to_pylist()
