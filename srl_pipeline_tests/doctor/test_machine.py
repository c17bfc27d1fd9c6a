"""Processors, memory, disk: what is enough, what is little, what is too little."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from srl_pipeline.doctor import Installation, machine
from srl_pipeline.doctor.machine import (
    GB,
    disk_finding,
    folder_finding,
    memory_finding,
    processor_finding,
    shared_finding,
)


def test_this_machine_can_be_looked_at(installation: Installation) -> None:
    checks = (machine.processors, machine.memory, machine.folder, machine.disk, machine.shared_memory)
    words = ("processors", "of memory are free", str(installation.home), "of disk are free", "one process trains")
    for check, word in zip(checks, words, strict=True):
        assert word in check(installation)[0].what


@pytest.mark.parametrize(
    ("count", "bfloat16", "used", "level"),
    [(2, True, True, "ok"), (8, False, True, "warning"), (1, True, True, "warning"), (8, False, False, "ok")],
)
def test_processors_without_bfloat16_are_slow_where_they_train(
    count: int, bfloat16: bool, used: bool, level: str
) -> None:
    assert processor_finding(count, bfloat16=bfloat16, used=used).level == level


@pytest.mark.parametrize(
    ("free", "total", "needed", "level"),
    [(7, 8, 6, "ok"), (3, 8, 6, "warning"), (3, 4, 6, "problem"), (1, 4, None, "ok")],
)
def test_memory_is_held_against_what_the_preset_needs(free: int, total: int, needed: int | None, level: str) -> None:
    assert memory_finding(free * GB, total * GB, needed and needed * GB, "embedded").level == level


@pytest.mark.parametrize(("free", "level"), [(20.0, "ok"), (5.0, "warning"), (0.5, "problem")])
def test_little_room_is_told_before_it_is_none(free: float, level: str) -> None:
    assert disk_finding(int(free * GB), Path("/somewhere")).level == level


def test_a_home_that_is_not_there_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    assert folder_finding(tmp_path / "a" / "b").level == "ok"
    assert not (tmp_path / "a").exists()


def test_a_home_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not a folder" in folder_finding(tmp_path / "file" / "home").what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_may_not_be_written_is_a_problem(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "may not be written" in folder_finding(tmp_path / "home").what


@pytest.mark.parametrize(("size", "processes", "level"), [(0, 1, "ok"), (64 * 10**6, 2, "warning"), (2 * GB, 2, "ok")])
def test_shared_memory_counts_where_several_processes_train(size: int, processes: int, level: str) -> None:
    assert shared_finding(size, processes).level == level
