"""Sample rows of an artifact's Parquet file, as a table in the UI."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

ROWS = 20


def sample_table(file: Path, columns: list[str]) -> dict[str, dg.MetadataValue]:
    """The first rows of ``file`` under the metadata key ``sample``; nothing when there are none."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as parquet:
        batch = next(parquet.iter_batches(ROWS, columns=columns), None)
    rows = batch.to_pylist() if batch is not None else []
    if not rows:
        return {}
    records = [dg.TableRecord({name: _cell(row[name]) for name in columns}) for row in rows]
    return {"sample": dg.MetadataValue.table(records)}


def _cell(value: object) -> str | int | float | bool:
    if isinstance(value, list):
        return ", ".join(f"{item:.3g}" if isinstance(item, float) else str(item) for item in value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)
