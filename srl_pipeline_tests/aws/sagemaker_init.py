"""Test-only: process 1 of an emulated container. ``python -I sagemaker_init.py FOLDER COMMAND [ARGUMENT ...]``, Linux.

SIGTERM goes on to the command alone, as Docker does it. When the command has ended, whatever it started is killed,
orphans in sessions of their own too, and this process ends with the command's exit code (128 + n for signal n). When
standard input ends, the machine is off: everything is killed at once, and FOLDER, its disk, is deleted. So nothing
outlives the server that started it, however that died. Standard library only: it starts in some hundredths of a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # orphans below this process become its children


def descendants() -> set[int]:
    """The process ids below this process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def kill_all() -> None:
    """Return when nothing is left below this process."""
    while found := descendants():
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def _die_with_standard_input(off: threading.Event) -> None:
    while os.read(0, 1):
        pass
    off.set()
    kill_all()
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    os._exit(128 + signal.SIGKILL)


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    running: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []  # a signal that comes before the command runs

    def pass_on(number: int, _: object) -> None:
        asked.append(number)
        for process in running:
            process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    try:
        command = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"exec: {error}", flush=True)
        sys.exit(127)
    running.append(command)
    for number in asked:
        command.send_signal(number)
    off = threading.Event()
    switch = threading.Thread(target=_die_with_standard_input, args=(off,), daemon=True)
    switch.start()
    code = command.wait()
    if off.is_set():
        switch.join()  # it ends this process
    kill_all()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
