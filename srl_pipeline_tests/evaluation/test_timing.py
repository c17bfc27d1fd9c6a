"""When and where latencies were measured."""

from __future__ import annotations

import platform

import pytest

from srl_pipeline.evaluation.timing import machine_kind, near

NOON = "2026-11-02T12:00:00+00:00"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("2026-11-03T12:00:00+00:00", True),
        ("2026-11-01T12:00:00+00:00", True),
        ("2026-11-03T12:00:01+00:00", False),
        ("2026-11-03T13:59:00+02:00", True),
        ("2026-11-02T12:00:00", False),  # of no known zone
        ("noon", False),
        ("", False),
    ],
)
def test_times_are_near_within_a_day(other: str, expected: bool) -> None:
    assert near(NOON, other) is expected


def test_a_machine_is_told_by_its_kind_and_not_by_its_name() -> None:
    assert " cores" in machine_kind() and machine_kind() == machine_kind()
    assert platform.node() not in machine_kind()
