"""Test-only: executes commands of the documentation in one process, in the installation of `world`.

``python -m srl_pipeline_tests.docs.executing FOLDER`` reads FOLDER/asked.json and writes FOLDER/told.json. A process of
its own, for model types are those that are found when the definitions load; one for all, for a process a command would
take most of its time to begin.
"""

from __future__ import annotations

import io
import json
import os
import runpy
import shlex
import signal
import socket
import sys
import threading
import time
import traceback
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from srl_pipeline.errors import PipelineError
from srl_pipeline_tests.docs.table import filled
from srl_pipeline_tests.docs.world import World, prepared

ROOT = Path(__file__).parents[2]
CHANGING = (
    "clean",
    "run",
    "promote",
    "rollback",
    "retire",
    "select",
    "settings",
    "tune",
    "tunings",
    "packs new",
    "packs freeze",
)
PATIENCE = 60.0
"""Seconds that a server has to begin."""


def main(folder: Path) -> None:
    """Execute what was asked for, in order."""
    asked: list[dict[str, Any]] = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    os.chdir(ROOT)
    with prepared(folder) as world:
        told = [_execute(world, number, **one) for number, one in enumerate(asked)]
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


def _execute(world: World, number: int, how: str, words: str, given: str, asks: str) -> dict[str, Any]:
    began = time.monotonic()
    name = words.removeprefix("srl-pipeline ")
    if given or name.startswith(CHANGING):
        world.restore()
    if given == "a candidate waits":
        world.point(current=None, previous=None, candidate=world.values["current"])
    if given == "nothing is frozen":
        (world.folder / "packs" / world.values["type"] / "evaluation.yaml").unlink()
    (world.folder / "out").mkdir(exist_ok=True)
    port = _free_port()
    here = filled(words, {**world.values, "folder": world.folder / "out" / str(number), "port": port})
    try:
        if how == "settled":
            status, output = 0, _settle(shlex.split(here)[1:])
        elif how == "server":
            status, output = _serve(here, f"http://127.0.0.1:{port}{asks}")
        else:
            status, output = _call(shlex.split(here))
    except Exception:  # noqa: BLE001  a command's fault is told and fails its test; the others go on
        status, output = -1, traceback.format_exc()
    print(f"{time.monotonic() - began:7.2f} s {time.process_time():7.2f} s of the processor so far: {here}", flush=True)
    return {"words": here, "status": status, "output": output}


def _call(argv: list[str]) -> tuple[int, str]:
    """Exit status and what was printed."""
    program, *words = argv
    if program == "srl-pipeline":
        from srl_pipeline.cli.app import app

        return _click(typer.main.get_command(app), words)
    if program == "dagster":
        from dagster._cli import create_dagster_cli

        return _click(create_dagster_cli(), words)
    if program == "dagster-webserver":
        from dagster_webserver.cli import dagster_webserver

        return _click(dagster_webserver, words)
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        if program == "pytest":
            import pytest

            return int(pytest.main(words)), printed.getvalue()
        status = _script(words)
    return status, printed.getvalue()


def _script(argv: list[str]) -> int:
    before, sys.argv = sys.argv, argv
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = before
    return 0


def _click(command: Any, words: list[str]) -> tuple[int, str]:
    from click.testing import CliRunner as ClickRunner

    runner = ClickRunner() if not hasattr(command, "pretty_exceptions_enable") else CliRunner()
    answer = runner.invoke(command, words)
    output = answer.stdout if "--json" in words else answer.output
    if isinstance(answer.exception, PipelineError):
        output += f"error: {answer.exception}"  # as `main` of the command line does
    elif answer.exception is not None and not isinstance(answer.exception, SystemExit):
        output += "".join(traceback.format_exception(answer.exception))
    return answer.exit_code, output


def _settle(words: list[str]) -> str:
    """Read the arguments, and resolve the settings that they make; raises where the command would refuse them."""
    from srl_pipeline.cli.app import app
    from srl_pipeline.cli.arguments import parse_settings
    from srl_pipeline.config import home
    from srl_pipeline.defs.resources import PipelineResource

    command: Any = typer.main.get_command(app)
    name, *arguments = words
    found = command.commands[name].make_context(name, arguments).params
    overrides = parse_settings(found["settings"] or [])
    config = PipelineResource(preset=found["preset"], overrides=overrides, home=str(home())).config(found["model_type"])
    assert config.preset == (found["preset"] or "smoke")
    return f"{name} {found['model_type']}: {config.preset}, {overrides}"


def _serve(words: str, address: str) -> tuple[int, str]:
    """Start a server, ask it, and end it as Ctrl-C does; raises where it does not answer."""
    answered, over = list[int](), threading.Event()

    def ask() -> None:
        end = time.monotonic() + PATIENCE
        while not (answered or over.is_set()) and time.monotonic() < end:
            try:
                with urllib.request.urlopen(address, timeout=PATIENCE) as response:
                    answered.append(response.status)
            except OSError:
                time.sleep(0.05)
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    _, output = _call(shlex.split(words))
    over.set()
    asking.join(PATIENCE)
    assert answered == [200], f"{address} did not answer\n{output}"
    return 0, output


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
