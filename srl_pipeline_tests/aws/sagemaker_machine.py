"""Test-only: the machine of an emulated training job: a fresh folder, and the container's command as a process.

A container's two folders that our jobs use, ``/opt/ml`` and ``/tmp/srl``, lie in the machine's folder: they are
rewritten where an argument or a variable begins with them, nowhere else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
INIT = Path(__file__).with_name("sagemaker_init.py")
FOLDERS = ("/opt/ml", "/tmp/srl")
FAILURE = "opt/ml/output/failure"


def on_machine(value: str, folder: Path) -> str:
    """``value`` with a leading `FOLDERS` in the machine's folder."""
    inside = any(value == own or value.startswith(f"{own}/") for own in FOLDERS)
    return f"{folder}{value}" if inside else value


def environment_of(folder: Path) -> dict[str, str]:
    """What every container has, whatever its request says; nothing else of this process's environment gets in."""
    threads = {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ}
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "root"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(CHECKOUT),  # the image has the code
        "HF_HUB_OFFLINE": "1",
        **threads,
    }


class Machine:
    """A machine that runs one command once, as soon as it is made.

    Attributes:
        folder: All that it has of a disk; empty at first but for ``opt/ml/output``.
        pid: Of the container's process 1.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], line: Callable[[str], None]) -> None:
        """Start.

        Args:
            environment: Added to `environment_of`.
            line: Told each line of standard output and error, from a thread of its own.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="srl-training-job-"))
        for name in ("opt/ml/output", "tmp", "root"):
            (self.folder / name).mkdir(parents=True)
        words = [on_machine(word, self.folder) for word in command]
        if words[0] == "python":
            words[0] = sys.executable
        own = {name: on_machine(value, self.folder) for name, value in environment.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(INIT), str(self.folder), *words],
            cwd=self.folder,
            env={**environment_of(self.folder), **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, args=(line,), daemon=True)
        self._reader.start()

    def _read(self, line: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            if text := raw.decode(errors="replace").rstrip("\r\n"):  # CloudWatch takes no empty message
                line(text)

    def ended(self, within: float) -> int | None:
        """The exit code, 128 + n after signal n; None if it still runs after ``within`` seconds."""
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            return None
        return code if code >= 0 else 128 - code

    def terminate(self) -> None:
        """SIGTERM to the command."""
        self._process.terminate()

    def failure(self) -> str:
        """What the container wrote for people to read, empty if nothing."""
        file = self.folder / FAILURE
        return file.read_text(errors="replace") if file.is_file() else ""

    def delete(self) -> None:
        """Switch it off, whatever still runs on it, and forget its disk. Its last lines have been told."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        shutil.rmtree(self.folder, ignore_errors=True)  # process 1 has done it if it had to kill
