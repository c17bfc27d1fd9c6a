"""Test-only: one life of a driver in a process that may be killed, and the process that begets such processes.

The begetter imports the program once and forks for each life: a fresh interpreter would take seconds. It has one thread
and opens nothing, so what is forked is as good as new.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PipelineError
from srl_pipeline_tests.chaos.faults import Fault

PATIENCE = 120
"""Seconds for one life."""
ROOT = Path(__file__).resolve().parents[2]


class Life(Record):
    """What one process is to do.

    Attributes:
        outside: Where it tells of itself, beyond the reach of its fault.
    """

    driver: str
    home: Path
    outside: Path
    environment: dict[str, str]
    fault: Fault | None = None


class Ended(Record):
    """How a life ended.

    Attributes:
        error: The type of what it raised; empty for nothing.
        in_words: Whether that was a `PipelineError`.
        boundaries: What it changed, in order; empty where it was killed.
        struck: Where the fault struck; empty where its turn did not come.
        result: The driver's, as JSON, of a life that ended well.
    """

    killed: bool
    error: str = ""
    in_words: bool = False
    text: str = ""
    boundaries: list[str] = Field(default_factory=list[str])
    struck: str = ""
    result: str = ""

    @property
    def well(self) -> bool:
        return not self.killed and not self.error


@dataclass(frozen=True)
class Told:
    """What a driver was told to be done: kept by a file outside of the home, so that a kill does not lose it."""

    file: Path
    handle: int = field(init=False)

    def __post_init__(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        object.__setattr__(self, "handle", os.open(self.file, flags, 0o644))

    def __call__(self, *fact: str | int) -> None:
        """From now on this may not be lost."""
        os.write(self.handle, (json.dumps(fact) + "\n").encode())


def facts(file: Path) -> list[tuple[Any, ...]]:
    """What a driver told, over all its lives."""
    return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def _live(life: Life) -> None:
    """In the fork: do it, and say how it ended."""
    from srl_pipeline_tests.chaos.drivers import driver
    from srl_pipeline_tests.chaos.injector import Injector, install

    os.environ.update(life.environment)
    told, struck = Told(life.outside / "told.jsonl"), life.outside / "struck"
    ended, mark = life.outside / "ended.json", os.open(struck, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    injector = Injector(life.home, life.fault, lambda place: void(os.write(mark, place.encode())))
    install(injector)
    error: BaseException | None = None
    result, boundaries = "", injector.told
    try:
        driver(life.driver).run(life.home, told)
        boundaries = list(injector.told)
        if life.fault is None:
            result = json.dumps(driver(life.driver).result(life.home), sort_keys=True)
    except BaseException as raised:  # noqa: BLE001 - it is told, and judged outside
        error = raised
        traceback.print_exc()
    found = Ended(
        killed=False,
        error=type(error).__name__ if error else "",
        in_words=isinstance(error, PipelineError),
        text=str(error or ""),
        boundaries=boundaries,
        result=result,
    )
    ended.write_text(found.model_dump_json())


def void(_: object) -> None:
    """Nothing of it."""


@dataclass
class Begetter:
    """Starts lives one by one. A context manager."""

    modules: tuple[str, ...] = ()

    def __enter__(self) -> Begetter:
        command = [sys.executable, "-m", "srl_pipeline_tests.chaos.child", *self.modules]
        pipe = subprocess.PIPE
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, env=environment)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._process.communicate("", timeout=10)

    def live(self, life: Life) -> Ended:
        """One life, to its end."""
        life.outside.mkdir(parents=True, exist_ok=True)
        (life.outside / "ended.json").unlink(missing_ok=True)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(life.model_dump_json() + "\n")
        self._process.stdin.flush()
        status = os.waitstatus_to_exitcode(int(self._process.stdout.readline()))
        struck = (life.outside / "struck").read_text()
        if status == -signal.SIGKILL:
            return Ended(killed=True, struck=struck)
        if status != 0:
            said = (life.outside / "said").read_text()[-2000:]
            return Ended(killed=False, error=f"exit status {status}", text=said, struck=struck)
        ended = Ended.model_validate_json((life.outside / "ended.json").read_text())
        return ended.model_copy(update={"struck": struck})


def _beget(line: str) -> int:
    """Fork, wait, and give the status of the end."""
    life = Life.model_validate_json(line)
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    said = os.open(life.outside / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    signal.alarm(PATIENCE)
    _live(life)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # whatever threads libraries have left


def main() -> None:
    """Read lives from the standard input, a line each, and answer each with a status."""
    import importlib

    import srl_pipeline_tests.chaos.drivers
    import srl_pipeline_tests.chaos.injector  # noqa: F401

    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin:
        print(_beget(line), flush=True)


if __name__ == "__main__":
    main()
