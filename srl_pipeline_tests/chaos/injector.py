"""Test-only: the edge of the operating system, replaced in a child process so that one fault strikes at one call.

The program under test knows nothing of it. Counted are calls of Python that change something below one folder: files
opened to be written, each write, flushes, renames, links, folders, removals, and SQLite's statements that write. What
compiled libraries write by themselves is not seen here; `disks` strikes those with a real full disk.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

from srl_pipeline.clock import AHEAD
from srl_pipeline_tests.chaos.faults import BUSY, CLOCKS, DISK, Fault

ERRNO = {"disk full": errno.ENOSPC, "read-only disk": errno.EROFS, "disk error": errno.EIO}
SQLITE = {
    "disk full": (sqlite3.SQLITE_FULL, "database or disk is full"),
    "read-only disk": (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
    "disk error": (sqlite3.SQLITE_IOERR, "disk I/O error"),
}
FREEING = ("unlink", "rmdir", "rename", "fsync")
"""What a full disk still does."""
LASTING = ("disk full", "read-only disk")
"""Disks that stay as they are until somebody mends them; an error of the disk passes."""
BUSY_TIMEOUT = 1.0
"""Seconds that SQLite waits where a file is to be busy, instead of half a minute."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
LOCKER = (
    "import sqlite3, sys, time; db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20); "
    "db.execute('BEGIN EXCLUSIVE'); print(flush=True); time.sleep(float(sys.argv[2]))"
)


class Injector:
    """Counts the boundaries below ``home`` and strikes once.

    Attributes:
        told: A line for each boundary, so far.
    """

    def __init__(self, home: Path, fault: Fault | None, on_strike: Callable[[str], None]) -> None:
        self.told: list[str] = []
        self._home, self._fault, self._on_strike = str(home), fault, on_strike
        self._lock = RLock()
        self._struck = self._due = False

    @property
    def hasty(self) -> bool:
        return self._fault is not None and self._fault.kind in BUSY

    def concerns(self, path: Any, folder: int | None = None) -> str:
        """The path below the home; empty for one that lies elsewhere."""
        if isinstance(path, int):
            text = str(Path(f"/proc/self/fd/{path}").readlink())
        else:
            base = Path(f"/proc/self/fd/{folder}").readlink() if folder is not None else Path.cwd()
            text = os.path.normpath(base / os.fsdecode(path))
        return text.removeprefix(self._home + "/") if text.startswith(self._home + "/") else ""

    def around(self, op: str, place: str, do: Callable[[], Any], half: Callable[[], int] | None = None) -> Any:
        """Do one thing that changes ``place``, with the fault where it is its turn."""
        with self._lock:
            number = len(self.told)
            self.told.append(f"{op} {place}")
            fault, short = self._fault, None
            its_turn = fault is not None and number == fault.nth
            if fault is not None and (its_turn or self._due or (self._struck and fault.kind in LASTING)):
                short = self._before(fault, op, place, half)
        try:
            return short if short is not None else do()
        finally:
            if its_turn and fault is not None and fault.kind == "killed after":
                self._die(op, place)

    def _before(self, fault: Fault, op: str, place: str, half: Callable[[], int] | None) -> int | None:
        """Strike; or, as a failing disk does, take a part of a write, whose length is given, and fail the next one."""
        kind = fault.kind
        if kind in DISK:
            first, self._due = not self._struck, False
            self._mark(op, place)
            if kind == "disk full" and op in FREEING:
                return None
            if half is not None and first and kind != "read-only disk":
                self._due = True
                return half()
            if op.startswith("sqlite"):
                error = sqlite3.OperationalError(SQLITE[kind][1])
                error.sqlite_errorcode = SQLITE[kind][0]
                raise error
            raise OSError(ERRNO[kind], os.strerror(ERRNO[kind]), f"{self._home}/{place}")
        if kind == "killed before" or (kind == "killed in mid-write" and half is not None):
            if half is not None and kind == "killed in mid-write":
                half()
            self._die(op, place)
        if kind in CLOCKS:
            self._mark(op, place)
            _jump(CLOCKS[kind])
        if kind in BUSY:
            self._mark(op, place)
            _lock_elsewhere(f"{self._home}/{place}", BUSY[kind])
        return None

    def _mark(self, op: str, place: str) -> None:
        if not self._struck:
            self._on_strike(f"{op} {place}")
        self._struck = True

    def _die(self, op: str, place: str) -> None:
        self._mark(op, place)
        os.kill(os.getpid(), signal.SIGKILL)


def _jump(seconds: int) -> None:
    """All wall clocks that the program reads go wrong, from now on; the monotonic ones never do."""
    real, real_ns = time.time, time.time_ns
    os.environ[AHEAD] = str(seconds)
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + seconds * 1_000_000_000


def _lock_elsewhere(file: str, seconds: float) -> None:
    """A second process has the file to itself when this returns."""
    locker = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LOCKER, file, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert locker.stdout is not None
    locker.stdout.readline()


def install(injector: Injector) -> None:
    """Replace the edge in this process, for good."""
    _files(injector)
    _names(injector)
    _databases(injector)


def _files(injector: Injector) -> None:
    real_open, real_os_open, real_fsync = io.open, os.open, os.fsync

    class Raw(io.FileIO):
        """A file whose writes are boundaries."""

        place = ""

        def write(self, data: Any) -> int:
            view = bytes(data)
            write = super().write
            return injector.around("write", self.place, lambda: write(view), lambda: write(view[: len(view) // 2]))

    def opened(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
        place = "" if isinstance(file, int) else injector.concerns(file)
        if not place or not set(mode) & set("wax+"):
            return real_open(file, mode, buffering, *more, **named)
        raw: Raw = injector.around("open", place, lambda: Raw(file, mode.replace("b", "").replace("t", "")))
        raw.place = place
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return raw if buffering == 0 else buffered
        words = ("encoding", "errors", "newline")
        return io.TextIOWrapper(buffered, **dict(zip(words, more, strict=False)), **named)

    def os_opened(path: Any, flags: int, *more: Any, dir_fd: int | None = None) -> int:
        place = injector.concerns(path, dir_fd) if flags & WRITING else ""
        return (
            injector.around("open", place, lambda: real_os_open(path, flags, *more, dir_fd=dir_fd))
            if place
            else real_os_open(path, flags, *more, dir_fd=dir_fd)
        )

    def synced(fd: Any) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        place = injector.concerns(number)
        injector.around("fsync", place, lambda: real_fsync(fd)) if place else real_fsync(fd)

    builtins.open = io.open = opened  # type: ignore[assignment]
    os.open, os.fsync = os_opened, synced  # type: ignore[assignment]


def _names(injector: Injector) -> None:
    def replaced(name: str, op: str, which: int, folder: str) -> None:
        real = getattr(os, name)

        def called(*arguments: Any, **named: Any) -> Any:
            place = injector.concerns(arguments[which], named.get(folder))
            return injector.around(op, place, lambda: real(*arguments, **named)) if place else real(*arguments, **named)

        setattr(os, name, called)

    for name, op, which, folder in (
        ("replace", "rename", 1, "dst_dir_fd"),
        ("rename", "rename", 1, "dst_dir_fd"),
        ("link", "link", 1, "dst_dir_fd"),
        ("mkdir", "mkdir", 0, "dir_fd"),
        ("unlink", "unlink", 0, "dir_fd"),
        ("remove", "unlink", 0, "dir_fd"),
        ("rmdir", "rmdir", 0, "dir_fd"),
    ):
        replaced(name, op, which, folder)


def _databases(injector: Injector) -> None:
    real_connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        """A connection whose statements that write are boundaries."""

        place = ""

        def _around(self, sql: str, do: Callable[[], Any]) -> Any:
            word = sql.split(maxsplit=1)[0].upper()
            return do() if word in ("SELECT", "PRAGMA") else injector.around(f"sqlite {word}", self.place, do)

        def execute(self, sql: str, *parameters: Any) -> Any:
            execute = super().execute
            return self._around(sql, lambda: execute(sql, *parameters))

        def executemany(self, sql: str, *parameters: Any) -> Any:
            executemany = super().executemany
            return self._around(sql, lambda: executemany(sql, *parameters))

    def connected(database: Any, *more: Any, **named: Any) -> sqlite3.Connection:
        place = injector.concerns(database) if isinstance(database, str | Path) else ""
        if not place:
            return real_connect(database, *more, **named)
        named |= {"factory": Connection} | ({"timeout": BUSY_TIMEOUT} if injector.hasty else {})
        connection: Any = real_connect(database, *more, **named)
        connection.place = place
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]
