"""Test-only: a real small disk, that is really full or read-only. Needs the right to mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEGABYTES = 64
BALLAST = "ballast"


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own in memory, mounted on ``folder``."""

    folder: Path

    def fill(self, leave: int) -> None:
        """Leave so many bytes of room."""
        free = os.statvfs(self.folder)
        with (self.folder / BALLAST).open("wb") as handle:
            handle.write(b"\0" * max(0, free.f_bavail * free.f_bsize - leave))

    def make_room(self) -> None:
        (self.folder / BALLAST).unlink()

    def allow(self, *, writing: bool) -> None:
        _run("mount", "-o", f"remount,{'rw' if writing else 'ro'}", str(self.folder))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    _run("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "-l", str(folder))


def may_mount(folder: Path) -> bool:
    """Whether this process may."""
    try:
        with small_disk(folder):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
