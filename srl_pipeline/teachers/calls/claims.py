"""One asker for each key, over threads and processes. The kernel frees the claims of a process that dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from srl_pipeline.registry.artifacts import disk_errors

FIRST_WAIT, LONGEST_WAIT = 0.005, 0.25


class Claims:
    """Locks with names, as files in a folder that exist while they are held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            left = list(folder.iterdir())
        for file in left:  # of processes that died: their keys may never be asked for again
            if (handle := _try(file)) is not None:
                _give_back(file, handle)

    @contextmanager
    def claim(self, key: str, sleep: Callable[[float], None]) -> Generator[None, None, None]:
        """Be the only one with ``key``; ``sleep`` is called while another has it, and may raise to give up."""
        file = self._folder / key
        wait = FIRST_WAIT
        while (handle := _try(file)) is None:
            sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        try:
            yield
        finally:
            _give_back(file, handle)


def _give_back(file: Path, handle: int) -> None:
    try:
        with disk_errors(file):
            file.unlink()
    finally:
        os.close(handle)


def _try(file: Path) -> int | None:
    """A locked descriptor, or None when another holds the lock or has just removed the file."""
    with disk_errors(file):
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == file.stat().st_ino:
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None
