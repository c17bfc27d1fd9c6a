"""A command that runs in the background can be ended like any other."""

from __future__ import annotations

import signal


def heed_termination() -> None:
    """Undo a shell's choice for background commands (``command &``): SIGINT is ignored in them from the beginning.

    Dagster gives SIGTERM whatever SIGINT has while it works, so `kill` would do nothing either.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
