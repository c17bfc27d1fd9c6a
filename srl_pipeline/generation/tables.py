"""Trajectories and rewards as Parquet: a row a candidate. Nested records are canonical JSON in text columns.

Both are written and read in row groups, so that memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import Field

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Record, Trajectory, Verdict

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

TRAJECTORIES = "trajectories.parquet"
REWARDS = "rewards.parquet"
ROW_GROUP = 256
"""Rows held in memory before they are written."""
_Row = TypeVar("_Row")


class Reward(Record):
    """Model C's verdict on one trajectory, and whether it is used for training or validation."""

    trajectory_id: str
    accepted: bool
    split: str = Field(description="train or validation.")
    verdict: Verdict


class TableWriter(Generic[_Row]):
    """Writes rows as they come. A context manager: the file is complete when it is left without an exception."""

    def __init__(self, file: Path, schema: pa.Schema, as_row: Callable[[_Row], dict[str, Any]]) -> None:
        self._file, self._schema, self._as_row = file, schema, as_row
        self._rows: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> TableWriter[_Row]:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._writer is not None
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def add(self, row: _Row) -> None:
        """Append one row."""
        self._rows.append(self._as_row(row))
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        assert self._writer is not None
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def trajectory_writer(folder: Path) -> TableWriter[Trajectory]:
    """Writes trajectories into ``folder``."""
    import pyarrow as pa

    text, number, count = pa.string(), pa.float64(), pa.int64()
    schema = pa.schema(
        {
            "id": text,
            "scenario_id": text,
            "brief": text,
            "axes": text,
            "difficulty": number,
            "variant": text,
            "strategy": text,
            "teacher": text,
            "generation": count,
            "novelty": number,
            "soft_cost": number,
            "revisions": count,
            "record": text,
        }
    )
    return TableWriter(folder / TRAJECTORIES, schema, _trajectory_row)


def _trajectory_row(t: Trajectory) -> dict[str, Any]:
    return {
        "id": t.id,
        "scenario_id": t.scenario.id,
        "brief": t.scenario.brief,
        "axes": dumps(t.scenario.axes),
        "difficulty": t.scenario.difficulty,
        "variant": t.variant,
        "strategy": t.strategy,
        "teacher": f"{t.teacher.name}@{t.teacher.version}",
        "generation": t.generation,
        "novelty": t.novelty,
        "soft_cost": t.soft_cost,
        "revisions": len(t.revisions),
        "record": dumps(t.model_dump(mode="json")),
    }


def read_trajectories(folder: Path) -> Iterator[Trajectory]:
    """What `trajectory_writer` wrote, one by one."""
    for text in column(folder / TRAJECTORIES, "record"):
        yield Trajectory.model_validate_json(text)


def reward_writer(folder: Path) -> TableWriter[Reward]:
    """Writes rewards into ``folder``."""
    import pyarrow as pa

    schema = pa.schema(
        {
            "trajectory_id": pa.string(),
            "accepted": pa.bool_(),
            "split": pa.string(),
            "outcome_reward": pa.float64(),
            "step_compliance": pa.list_(pa.float64()),
            "violations": pa.list_(pa.string()),
            "record": pa.string(),
        }
    )
    return TableWriter(folder / REWARDS, schema, _reward_row)


def _reward_row(r: Reward) -> dict[str, Any]:
    return {
        "trajectory_id": r.trajectory_id,
        "accepted": r.accepted,
        "split": r.split,
        "outcome_reward": r.verdict.outcome_reward,
        "step_compliance": [s.compliance for s in r.verdict.steps],
        "violations": [v.rule_id for v in r.verdict.violations],
        "record": dumps(r.model_dump(mode="json")),
    }


def read_rewards(folder: Path) -> Iterator[Reward]:
    """What `reward_writer` wrote, one by one."""
    for text in column(folder / REWARDS, "record"):
        yield Reward.model_validate_json(text)


def column(file: Path, name: str) -> Iterator[Any]:
    """The values of one column, read row group by row group."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(ROW_GROUP, columns=[name]):
            yield from batch.column(0).to_pylist()
