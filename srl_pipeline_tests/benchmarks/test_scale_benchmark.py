from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.scale_dagster import measure_queue
from benchmarks.scale_day import Day, machines_needed, simulate
from benchmarks.scale_state import measure_state

SMALL = Day(types=40, each=3, machines=20, runs=40, spread=0.0)


def test_the_same_seed_lives_the_same_day() -> None:
    assert simulate(SMALL) == simulate(SMALL)
    assert simulate(SMALL) != simulate(replace(SMALL, seed=2))


def test_machine_hours_are_what_training_takes() -> None:
    found = simulate(SMALL)
    assert found.asked == 120 and found.hours == pytest.approx(120 * SMALL.training / 60)


def test_without_any_limit_nothing_waits_but_for_the_next_look_at_the_queue() -> None:
    found = simulate(replace(SMALL, types=1000, each=1, machines=1000, runs=1000))
    assert found.queue_p95 * 60 < SMALL.dequeue_seconds + 20 * SMALL.launch_seconds and found.machine_p95 == 0.0
    assert found.first_limit == "none"


def test_too_few_machines_are_named() -> None:
    found = simulate(replace(SMALL, arrivals="at once", machines=2))
    assert found.first_limit == "training machines" and found.utilisation > 0.9


def test_too_few_runs_at_once_are_named() -> None:
    assert simulate(replace(SMALL, arrivals="at once", runs=4)).first_limit == "runs at once"


def test_slow_launches_are_named() -> None:
    slow = replace(SMALL, arrivals="at once", each=1, types=1000, machines=1000, runs=1000, launch_seconds=5.0)
    assert simulate(slow).first_limit == "dequeue rate"


def test_two_runs_of_one_type_never_overlap() -> None:
    alone = replace(SMALL, types=1, each=4, arrivals="at once")
    life = (SMALL.before + SMALL.training + SMALL.after) / 60
    assert simulate(alone).last >= 4 * life


def test_the_fewest_machines_lie_just_above_the_work_over_the_day() -> None:
    day = Day(types=100, each=10, arrivals="at once", spread=0.0)
    least = 1000 * day.training / (24 * 60)
    assert least * 0.95 <= machines_needed(day) <= least * 1.5


@pytest.mark.slow
def test_the_queue_is_dequeued_up_to_its_limit() -> None:
    started = {f.name: f.value for f in measure_queue(20, 1)}
    assert started["queue, 4 runs at once: runs started by it"] == 4
    assert started["queue, 200 runs at once: runs started by it"] == 20


def test_state_is_measured_on_what_the_product_itself_reads(tmp_path: Path) -> None:
    found = {f.name: f for f in measure_state(3, 2, 50, 1)}
    assert found["SQLite: append an entry"].value > 0 and "66 entries" in found["SQLite: append an entry"].size
