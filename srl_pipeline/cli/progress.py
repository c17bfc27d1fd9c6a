"""What a run is doing, while it does it: reads Dagster's event log as it grows and tells it on the terminal."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterInstance, EventLogEntry
    from rich.console import Console

EVERY = 0.25
"""Seconds between looks at the event log."""
TELL_EVERY = 15.0
"""Seconds between two progress lines where there is no terminal."""


@dataclass
class AssetState:
    """What became of one asset in this run."""

    state: str = "running"
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    reused: bool = False
    data_version: str = ""
    uri: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    failed_checks: dict[str, str] = field(default_factory=dict)
    error: str = ""


class Progress:
    """Folds events into states. `feed` is all there is to test; `follow` calls it from a thread."""

    def __init__(self, console: Console | None) -> None:
        self.assets: dict[str, AssetState] = {}
        self.last_message = ""
        self._console = console
        self._told = time.monotonic()

    def feed(self, entry: EventLogEntry) -> None:
        """Take in one event of the log."""
        event = entry.dagster_event
        if event is None:
            self.last_message = entry.user_message.splitlines()[0] if entry.user_message else self.last_message
            self._tell()
            return
        name = event.step_key or ""
        if event.is_step_start:
            self.assets[name] = AssetState()
        elif name not in self.assets:
            return
        elif event.is_step_materialization:
            self._materialized(self.assets[name], event.step_materialization_data.materialization)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            check: Any = event.event_specific_data
            if not check.passed:
                self.assets[name].failed_checks[check.check_name] = check.description or ""
        elif event.is_step_failure:
            self._finish(name, "failed")
            self.assets[name].error = _failure_text(event.step_failure_data)
        elif event.is_step_success:
            self._finish(name, "unchanged, nothing recomputed" if self.assets[name].reused else "done")

    def _tell(self) -> None:
        """Where there is no terminal to keep a status line on, a line now and then says that work goes on."""
        if self._console is None or self._console.is_terminal or time.monotonic() - self._told < TELL_EVERY:
            return
        self._told = time.monotonic()
        self._console.print(f"   {self.last_message}", highlight=False, markup=False, soft_wrap=True)

    @staticmethod
    def _materialized(asset: AssetState, materialization: Any) -> None:
        values = {key: value.value for key, value in materialization.metadata.items()}
        asset.reused = values.get("reused") is True
        asset.data_version = str(values.get("data_version", ""))
        asset.uri = str(values.get("uri", ""))
        asset.metrics = {key: value for key, value in values.items() if isinstance(value, float)}

    def _finish(self, name: str, state: str) -> None:
        asset = self.assets[name]
        asset.state, asset.seconds = state, time.monotonic() - asset.started
        if self._console:
            mark = "[red]✗[/red]" if state == "failed" else "[green]✓[/green]"
            self._console.print(f" {mark} {name:<18} {asset.seconds:7.1f} s   {state}", highlight=False)

    @property
    def line(self) -> str:
        """What is being done now."""
        running = [(name, asset) for name, asset in self.assets.items() if asset.state == "running"]
        if not running:
            return "starting"
        from rich.markup import escape

        name, asset = running[-1]
        return f"{name}  {time.monotonic() - asset.started:.0f} s  [dim]{escape(self.last_message[:100])}[/dim]"


class Follower:
    """Feeds a `Progress` from the event log of a run until it is left."""

    def __init__(self, instance: DagsterInstance, run_id: str, progress: Progress, console: Console | None) -> None:
        self._instance, self._run_id, self._progress = instance, run_id, progress
        self._status = console.status("starting") if console else None
        self._cursor: str | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        self._thread.start()
        return self._progress

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._read()
        if self._status:
            self._status.stop()

    def _watch(self) -> None:
        while not self._end.wait(EVERY):
            self._read()
            if self._status:
                self._status.update(self._progress.line)

    def _read(self) -> None:
        while True:
            page = self._instance.get_records_for_run(self._run_id, cursor=self._cursor)
            for record in page.records:
                self._progress.feed(record.event_log_entry)
            self._cursor = page.cursor
            if not page.has_more:
                return


def _failure_text(data: Any) -> str:
    """The PipelineError as it was written, else the innermost error in one line."""
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "It failed without a message."
