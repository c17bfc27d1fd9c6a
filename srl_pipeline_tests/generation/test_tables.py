"""Tables are written row group by row group, and read the same way."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from srl_pipeline.contracts import Trajectory
from srl_pipeline.generation.tables import ROW_GROUP, TRAJECTORIES, read_trajectories, trajectory_writer
from srl_pipeline_tests.generation.test_data_card import scenario, trajectory


def some(count: int) -> list[Trajectory]:
    return [trajectory(scenario(f"s{i}", "red"), 0.5) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, ROW_GROUP, ROW_GROUP + 1])
def test_what_is_written_is_read_in_the_same_order(tmp_path: Path, count: int) -> None:
    with trajectory_writer(tmp_path) as rows:
        for one in some(count):
            rows.add(one)
    assert list(read_trajectories(tmp_path)) == some(count)


def test_rows_leave_memory_group_by_group(tmp_path: Path) -> None:
    with trajectory_writer(tmp_path) as rows:
        for one in some(3 * ROW_GROUP):
            rows.add(one)
    assert pq.ParquetFile(tmp_path / TRAJECTORIES).num_row_groups == 3
