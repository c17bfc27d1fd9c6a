"""The benchmark of calls measures what it says: real HTTP through the real SDK, and every part of a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.calls.measure import flush_milliseconds, overhead, throughput


def test_throughput_is_measured_against_a_server_of_the_latency_that_was_asked_for(tmp_path: Path) -> None:
    figures = throughput(tmp_path, concurrency=4, latency=0.2, rounds=3)
    assert figures.calls == 12
    assert figures.ideal == 20.0
    assert figures.seconds >= 3 * 0.2
    assert figures.share == pytest.approx(figures.calls_per_second / 20.0)


@pytest.mark.parametrize("price", ["free", "paid"])
def test_overhead_is_wall_time_a_call(tmp_path: Path, price: str) -> None:
    figures = overhead(tmp_path, price=price, concurrency=4, calls=20)
    assert figures.calls == 20
    assert 0 < figures.milliseconds < 1000
    assert list(tmp_path.iterdir()) == []


def test_the_disk_is_measured_too(tmp_path: Path) -> None:
    assert flush_milliseconds(tmp_path) > 0
