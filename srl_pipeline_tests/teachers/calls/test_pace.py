"""Calls at once: falls at a rate limit, recovers, pauses for all."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.deadline import Deadline
from srl_pipeline.teachers.calls.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def free(seconds: float | None = None) -> Deadline:
    return Deadline(seconds, "here")


def test_a_burst_of_rate_limits_halves_the_limit_once() -> None:
    clock = Clock()
    pace = Pace(16, clock=clock)
    for _ in range(5):
        pace.limited(clock.now)
    assert pace.limit == 8


def test_a_rate_limit_of_a_later_call_halves_it_again_down_to_one() -> None:
    clock = Clock()
    pace = Pace(4, clock=clock)
    for _ in range(4):
        clock.now += 1
        pace.limited(clock.now)
    assert pace.limit == 1


def test_it_grows_by_one_after_as_many_successes_as_it_allows_and_never_above_its_ceiling() -> None:
    clock = Clock()
    pace = Pace(4, clock=clock)
    pace.limited(clock.now)
    assert pace.limit == 2
    for _ in range(3):
        pace.succeeded()
    assert pace.limit == 3
    for _ in range(100):
        pace.succeeded()
    assert pace.limit == 4


def test_no_more_calls_than_the_limit_are_under_way() -> None:
    pace, now, most = Pace(3), [0], [0]

    def work(_: int) -> None:
        with pace.slot(free()):
            now[0] += 1
            most[0] = max(most[0], now[0])
            time.sleep(0.01)
            now[0] -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(24)))
    assert most[0] == 3


def test_a_pause_holds_for_every_thread() -> None:
    pace = Pace(8)
    pace.pause(0.3)
    began = time.monotonic()

    def wait(_: int) -> float:
        with pace.slot(free()):
            return time.monotonic() - began

    with ThreadPoolExecutor(4) as pool:
        assert min(pool.map(wait, range(4))) >= 0.29


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    pace = Pace(1)
    pace.pause(60)
    pace.pause(0.01)
    with pytest.raises(TeacherError, match=r"0\.1 seconds"), pace.slot(free(0.1)):
        pass


def test_a_slot_is_given_back_when_its_call_fails() -> None:
    pace = Pace(1)
    for _ in range(2):
        with pytest.raises(KeyError), pace.slot(free(1)):
            raise KeyError
