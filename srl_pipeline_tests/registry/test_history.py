"""The history, on every backend: append-only, in the order of arrival, the same for all processes."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.contracts import Gate, Manifest
from srl_pipeline.registry import Entry, History, entry_of
from srl_pipeline.registry.places import open_history
from srl_pipeline_tests.aws.state import SLOW_ON_DYNAMODB


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    kept = open_history(home)
    yield kept
    kept.close()


def entry(version: str = "v1", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "at": "2026-11-28T12:00:00+00:00",
        "asset": "eval_report",
        "model_type": "trees",
        "data_version": version,
        "inputs": {"rule_set": "r1"},
        "metrics": {"pass_rate": 0.75},
        "failed_gates": [],
        "seconds": 3.5,
        "cost_usd": 0.25,
    }
    return Entry(**(values | changes))


def test_an_entry_is_kept_with_all_that_it_says(history: History) -> None:
    told = entry(failed_gates=["tested"], not_finite=["kl"], preset="smoke", trigger="rules")
    assert history.append(told) == told.model_copy(update={"seq": 1})
    assert history.entries("eval_report", "trees") == [told.model_copy(update={"seq": 1})]


def test_the_same_artifact_made_at_the_same_time_is_one_entry(history: History) -> None:
    first = history.append(entry())
    assert history.append(entry(trigger="another")) == first
    assert history.append(entry("v2")).seq > first.seq
    assert len(history.all_entries("trees")) == 2


def test_what_is_found_again_after_another_one_is_the_newest_again(history: History) -> None:
    for version in ("v1", "v2", "v1", "v1"):
        history.append(entry(version))
    assert [e.data_version for e in history.entries("eval_report", "trees")] == ["v1", "v2", "v1"]


def test_the_same_version_made_again_later_is_another_entry(history: History) -> None:
    history.append(entry())
    history.append(entry(at="2026-11-29T12:00:00+00:00"))
    assert [e.at[:10] for e in history.entries("eval_report", "trees")] == ["2026-11-28", "2026-11-29"]


def test_the_order_is_that_of_arrival_whatever_the_clock_says(history: History) -> None:
    for version, year in (("a", 2030), ("b", 2020), ("c", 2025)):
        history.append(entry(version, at=f"{year}-01-01T00:00:00+00:00"))
    found = history.entries("eval_report", "trees")
    assert [e.data_version for e in found] == ["a", "b", "c"]
    assert [e.seq for e in found] == sorted(e.seq for e in found)


def test_the_last_so_many_are_the_newest_oldest_first(history: History) -> None:
    for version in "abcd":
        history.append(entry(version))
    assert [e.data_version for e in history.entries("eval_report", "trees", last=2)] == ["c", "d"]
    assert history.entries("eval_report", "trees", last=0) == []
    assert len(history.entries("eval_report", "trees", last=99)) == 4


def test_assets_and_types_do_not_mix(history: History) -> None:
    history.append(entry())
    history.append(entry(asset="trajectories"))
    history.append(entry(model_type="sounds"))
    assert [e.asset for e in history.all_entries("trees")] == ["eval_report", "trajectories"]
    assert len(history.entries("eval_report", "sounds")) == 1
    assert history.entries("eval_report", "plants") == []


def test_it_is_there_when_the_place_is_opened_again(home: Path, history: History) -> None:
    history.append(entry())
    again = open_history(home)
    assert [e.data_version for e in again.all_entries("trees")] == ["v1"]
    again.close()


APPEND = """
import sys
from pathlib import Path
from srl_pipeline.registry import Entry
from srl_pipeline.registry.places import open_history

history, me = open_history(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for i in range(10):
    for asset, version in ((me, f"{me}-{i}"), (f"asset-{i}", f"shared-{i}")):
        history.append(Entry(at="2026-11-28T12:00:00+00:00", asset=asset, model_type="trees", inputs={},
                             data_version=version, metrics={}, failed_gates=[], seconds=0, cost_usd=0))
"""


@pytest.mark.parametrize("home", SLOW_ON_DYNAMODB, indirect=True)
def test_processes_that_append_at_once_lose_nothing_and_double_nothing(home: Path, history: History) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(home), f"p{i}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    found = [e.data_version for e in history.all_entries("trees")]
    assert sorted(found) == sorted(
        {*(f"p{p}-{i}" for p in range(4) for i in range(10)), *(f"shared-{i}" for i in range(10))}
    )


def test_threads_that_append_one_entry_are_given_the_same_place(history: History) -> None:
    with ThreadPoolExecutor(8) as threads:
        places = {e.seq for e in threads.map(lambda _: history.append(entry()), range(24))}
    assert len(places) == 1


def test_the_entry_of_an_artifact_keeps_numbers_apart_from_what_is_none() -> None:
    manifest = Manifest(
        asset="rlvr_checkpoint",
        model_type="trees",
        data_version="v1",
        inputs={"srl_checkpoint": "s1"},
        config={},
        seeds={},
        code_version="c",
        created_at="2026-11-28T12:00:00+00:00",
        seconds=9.0,
        gates=[Gate(name="kl_bound", passed=False), Gate(name="signal", passed=True)],
        metrics={"kl": math.nan, "loss": math.inf, "reward": 0.5},
        cost_usd=1.5,
        digests={},
        notes={"preset": "smoke"},
    )
    found = entry_of(manifest, trigger="teacher")
    assert (found.metrics, found.not_finite) == ({"reward": 0.5}, ["kl", "loss"])
    assert (found.failed_gates, found.preset, found.trigger, found.cost_usd) == (["kl_bound"], "smoke", "teacher", 1.5)
