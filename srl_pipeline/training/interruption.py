"""SIGTERM to a training process: in the middle of a stage it saves at the end of its step; elsewhere it ends at once.

A cancelled run, a pod that is moved and a spot instance that is taken away say so by this signal, and SIGKILL follows
some seconds later. Whatever comes next goes on from what was saved.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from srl_pipeline.launchers.child import ASKED_TO_END
from srl_pipeline.training.peers import peers

log = logging.getLogger("srl_pipeline")


class _Request:
    """Whether this process was asked to end, and whether it does so by itself."""

    came = False
    awaited = False


def listen() -> None:
    """From now on SIGTERM ends this process as this module says. Only in the main thread."""
    signal.signal(signal.SIGTERM, _asked)


def asked_to_end() -> bool:
    """Whether the first process got the signal: those that train together leave together. All of them must ask."""
    _Request.came = bool(peers().told(_Request.came))
    return _Request.came


@contextmanager
def ending_by_itself() -> Iterator[None]:
    """Within, the signal is only remembered: what runs looks for it, saves and leaves. Then the process ends."""
    _Request.awaited = True
    try:
        yield
    finally:
        _Request.awaited = False
    if _Request.came:
        _end()


def _asked(number: int, frame: FrameType | None) -> None:
    _Request.came = True
    if not _Request.awaited:
        _end()


def _end() -> None:
    log.warning("asked to end (SIGTERM); what is saved is gone on from")
    raise SystemExit(ASKED_TO_END)
