"""An endpoint that only fails is left alone, then tried by one call."""

from __future__ import annotations

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(clock: Clock) -> Breaker:
    breaker = Breaker(3, 30.0, "teacher t", clock=clock)
    for _ in range(3):
        breaker.failed("HTTP 500")
    return breaker


def admit(breaker: Breaker) -> None:
    with breaker.admitted():
        pass


def test_failures_without_a_success_between_open_it(opened: Breaker) -> None:
    with pytest.raises(TeacherError, match=r"failed 3 times in a row .* 30 more seconds; the last failure: HTTP 500"):
        admit(opened)


def test_a_success_between_failures_keeps_it_closed(clock: Clock) -> None:
    breaker = Breaker(2, 30.0, "t", clock=clock)
    for _ in range(5):
        breaker.failed("HTTP 500")
        breaker.succeeded()
    admit(breaker)


def test_after_the_cool_down_one_call_is_tried_and_others_are_refused(opened: Breaker, clock: Clock) -> None:
    clock.now = 30.0
    with opened.admitted(), pytest.raises(TeacherError):
        admit(opened)


def test_a_trial_that_succeeds_closes_it(opened: Breaker, clock: Clock) -> None:
    clock.now = 30.0
    with opened.admitted():
        opened.succeeded()
    admit(opened)
    admit(opened)


def test_a_trial_that_fails_opens_it_for_another_cool_down(opened: Breaker, clock: Clock) -> None:
    clock.now = 30.0
    with opened.admitted():
        opened.failed("HTTP 503")
    clock.now = 59.0
    with pytest.raises(TeacherError, match="HTTP 503"):
        admit(opened)
    clock.now = 60.0
    admit(opened)


def test_a_trial_that_never_reached_the_endpoint_leaves_room_for_another(opened: Breaker, clock: Clock) -> None:
    clock.now = 30.0
    with pytest.raises(KeyError), opened.admitted():
        raise KeyError
    admit(opened)
