"""Kills, bad disks, wrong clocks and locked files at the boundaries of every store: some here, all of them at night."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from srl_pipeline_tests.chaos.child import Begetter
from srl_pipeline_tests.chaos.drivers import CHEAP
from srl_pipeline_tests.chaos.experiment import Laboratory
from srl_pipeline_tests.chaos.faults import CLOCKS, DISK, KILLS, Fault, Kind, chosen

Suffered = Callable[[str, Fault | str, str], None]
BUSY: tuple[Kind, ...] = ("busy for a moment", "busy for long")
SHORT: tuple[Kind, ...] = (*KILLS, *DISK)


def strike(laboratory: Laboratory, suffered: Suffered, kinds: tuple[Kind, ...], most: int | None) -> None:
    boundaries, result = laboratory.undisturbed()
    for fault in chosen(kinds, boundaries, most, laboratory.name):
        suffered(laboratory.name, fault, laboratory.suffer(fault, result))


@pytest.mark.parametrize("name", CHEAP)
def test_a_store_outlives_a_few_faults(name: str, begetter: Begetter, tmp_path: Path, suffered: Suffered) -> None:
    strike(Laboratory(name, begetter, tmp_path), suffered, SHORT, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHEAP)
def test_a_store_outlives_a_kill_at_every_boundary(
    name: str, begetter: Begetter, tmp_path: Path, suffered: Suffered
) -> None:
    laboratory = Laboratory(name, begetter, tmp_path)
    strike(laboratory, suffered, ("killed before", "killed in mid-write"), None)
    strike(laboratory, suffered, ("killed after",), 8)  # most are the same as before the next one


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHEAP)
def test_a_store_outlives_a_bad_disk(name: str, begetter: Begetter, tmp_path: Path, suffered: Suffered) -> None:
    strike(Laboratory(name, begetter, tmp_path), suffered, DISK, 10)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHEAP)
def test_a_store_outlives_a_clock_that_jumps(name: str, begetter: Begetter, tmp_path: Path, suffered: Suffered) -> None:
    strike(Laboratory(name, begetter, tmp_path), suffered, tuple(CLOCKS), 3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHEAP)
def test_a_store_waits_for_a_locked_file_and_says_so_where_it_waited_for_long(
    name: str, begetter: Begetter, tmp_path: Path, suffered: Suffered
) -> None:
    strike(Laboratory(name, begetter, tmp_path), suffered, BUSY, 3)
