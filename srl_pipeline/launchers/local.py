"""Run a training stage in a child process of this machine.

A child gives its memory back, an out-of-memory kills only it, and a kill loses nothing that it saved. Dagster Pipes
carries the request in and progress out; what the child prints goes to a log file, so a crash can be explained.
`PipesSubprocessClient` would do but for three things: it keeps the exit code to itself, leaves a child that ignores
SIGINT running, and mixes its output into ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, TrainingError
from srl_pipeline.launchers.child import ASKED_TO_END, ENTRY_POINT, ENVIRONMENT, PARENT
from srl_pipeline.launchers.made import label, made_already
from srl_pipeline.registry import ArtifactStore, Built
from srl_pipeline.registry.artifacts import disk_errors
from srl_pipeline.registry.places import store_at

COMMAND = (sys.executable, *ENTRY_POINT)
GRACE_SECONDS = 20.0
"""How long a cancelled child may take to save."""
TAIL_BYTES = 20_000
TAIL_LINES = 12


@dataclass(frozen=True)
class Ended:
    """How a child ended: exit code, the end of its output, and the PipelineError that it reported, if any."""

    code: int
    output: str
    error: dict[str, str]


def run_locally(
    context: dg.AssetExecutionContext,
    request: StageRequest,
    *,
    withheld: Collection[str],
    command: Sequence[str] = COMMAND,
) -> Built:
    """Make the artifact that ``request`` names, or find it.

    ``withheld`` names the environment variables that the child must not see: a training calls no teacher.

    Raises TrainingError with what the child reported, `ChildKilled` where it ended without artifact and report.
    """
    store = store_at(request.root)
    if (already := made_already(context, store, request)) is not None:
        return already
    name = label(request)
    log = log_file(store, request)
    with disk_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    context.log.info(f"{name}: starting a training process; its output is in {log}")
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
    ended = _run_child(context, request, command, environment, log)
    if ended.error:
        raise TrainingError(**ended.error)
    if ended.code != 0:
        raise ChildKilled(
            explain_exit(ended.code, ended.output),
            where=str(log),
            mend="Completed work is kept; run again, it resumes.",
        )
    made = store.find(request.stage, request.model_type, request.data_version)
    if made is None:
        raise ChildKilled(
            "The training child ended without an error but committed no artifact.",
            where=str(log),
            mend="Read the log; this is a defect of srl_pipeline.training.",
        )
    return Built(made, reused=False)


def log_file(store: ArtifactStore, request: StageRequest) -> Path:
    """Where a stage's child writes; attempts of one artifact are appended."""
    return store.root / "_logs" / request.stage / request.model_type / f"{request.data_version}.log"


def explain_exit(code: int, output: str) -> str:
    """Why a child ended, from its exit code (negative: a signal) and the end of its output."""
    if code < 0:
        guess = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"The training child was killed by signal {-code}{guess}."
    if code == ASKED_TO_END:
        return "The training child was asked to end (SIGTERM)."
    tail = "\n".join(output.strip().splitlines()[-TAIL_LINES:])
    return f"The training child failed with code {code}:\n{tail or '(it printed nothing)'}"


def _run_child(
    context: dg.AssetExecutionContext,
    request: StageRequest,
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
) -> Ended:
    with log.open("ab") as sink, ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)  # Dagster's own use of a preview of its own
            session = stack.enter_context(
                dg.open_pipes_session(
                    context=context,
                    context_injector=dg.PipesTempFileContextInjector(),
                    message_reader=dg.PipesTempFileMessageReader(),
                    extras={"request": request.model_dump(mode="json")},
                )
            )
        start = sink.tell()
        process = subprocess.Popen(
            list(command),
            env={**ENVIRONMENT, **environment, PARENT: str(os.getpid()), **session.get_bootstrap_env_vars()},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the child once, from us, and not also from the terminal
        )
        try:
            code = process.wait()
        finally:
            _stop(process)
    return Ended(code, _tail(log, start), _reported_error(session.get_custom_messages()))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a child that still runs because we are interrupted: SIGTERM lets it save, SIGKILL makes sure."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _reported_error(messages: Sequence[Any]) -> dict[str, str]:
    """What `srl_pipeline.training` sends when it raises a PipelineError: ``{"error": {what, where, mend}}``."""
    errors = [message["error"] for message in messages if isinstance(message, dict) and "error" in message]
    return errors[-1] if errors else {}


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as handle:
        handle.seek(max(start, log.stat().st_size - TAIL_BYTES))
        return handle.read().decode("utf-8", errors="replace")
