from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.load_generations import measure
from benchmarks.load_queue import measure_queue


@pytest.mark.chain
def test_generations_are_made_measured_and_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    rounds, cleaned = measure(tmp_path, types=1, generations=2, scenarios=2)
    assert [one.generation for one in rounds] == [1, 2]
    assert all(value > 0 for one in rounds for value in asdict(one).values())
    assert cleaned.removed + cleaned.stayed == 7  # three pins; two trajectories with their rewards
    assert cleaned.disk_after_mb > 0 and rounds[-1].disk_mb <= cleaned.disk_before_mb
    assert cleaned.next_generation_seconds > 0


@pytest.mark.slow
def test_the_daemon_empties_the_queue() -> None:
    drained = measure_queue(3, patience=240)
    assert drained.left == 0 and drained.per_minute > 0
    assert 0 < drained.rss_first_mb <= drained.rss_peak_mb
    assert drained.disk_empty_mb < drained.disk_queued_mb < drained.disk_done_mb
