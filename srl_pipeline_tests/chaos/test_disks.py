"""A disk that is really full or read-only: strikes what SQLite writes by itself, too."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from srl_pipeline_tests.chaos.child import Begetter
from srl_pipeline_tests.chaos.disks import SmallDisk, may_mount, small_disk
from srl_pipeline_tests.chaos.drivers import CHEAP
from srl_pipeline_tests.chaos.experiment import Laboratory, assert_in_words
from srl_pipeline_tests.chaos.faults import Fault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KIB = 1024
LEFT = (0, 8 * KIB, 48 * KIB, 96 * KIB)
"""Bytes of room."""
Suffered = Callable[[str, Fault | str, str], None]


def suffer(laboratory: Laboratory, suffered: Suffered, kind: str, strike: Callable[[SmallDisk], None]) -> None:
    _, result = laboratory.undisturbed()
    home, said, wrong = laboratory.home(), list[str](), ""
    with small_disk(home) as disk, laboratory.around(home):
        laboratory.furnish(home)
        strike(disk)
        try:
            ended = laboratory.live(home, None)
            said.append(f"{ended.error} {ended.text[:600]}")
            assert_in_words(ended)
            disk.allow(writing=True)
            (home / "ballast").unlink(missing_ok=True)
            laboratory.recover(home, result, said, exact=True)
        except AssertionError:
            wrong = f"{laboratory.name}, {kind}: {'; '.join(said)}\n{traceback.format_exc(limit=-2)}"
    suffered(laboratory.name, kind, wrong)


@pytest.fixture(autouse=True)
def mounting(tmp_path: Path) -> None:
    folder = tmp_path / "try"
    folder.mkdir()
    if not may_mount(folder):
        pytest.skip("this process may not mount")


@pytest.mark.parametrize("name", CHEAP)
@pytest.mark.parametrize("left", LEFT)
def test_a_disk_that_is_really_full_is_told_of_and_nothing_is_lost(
    name: str, left: int, begetter: Begetter, tmp_path: Path, suffered: Suffered
) -> None:
    suffer(Laboratory(name, begetter, tmp_path), suffered, "disk really full", lambda disk: disk.fill(left))


@pytest.mark.parametrize("name", CHEAP)
def test_a_disk_that_is_really_read_only_is_told_of_and_nothing_is_lost(
    name: str, begetter: Begetter, tmp_path: Path, suffered: Suffered
) -> None:
    laboratory = Laboratory(name, begetter, tmp_path)
    suffer(laboratory, suffered, "disk really read-only", lambda disk: disk.allow(writing=False))
