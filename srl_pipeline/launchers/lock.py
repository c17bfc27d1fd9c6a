"""One maker of an artifact at a time on this machine, whichever process it is in."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from srl_pipeline.registry.artifacts import disk_errors


@contextmanager
def exclusive(file: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock on ``file``; call ``on_wait`` once if another process has it. The kernel frees a dead holder's lock.

    Work folders do not depend on the run, so that a retry resumes: two runs must not be in one at the same time.
    """
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.open("w")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
