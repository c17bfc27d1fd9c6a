"""Progress without a terminal: a line now and then, so that a log shows that work goes on."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from srl_pipeline.cli import progress
from srl_pipeline.cli.progress import Progress


def message(text: str) -> Any:
    """A log line as Dagster's event log holds it."""
    return SimpleNamespace(dagster_event=None, user_message=text)


def test_a_log_file_gets_a_line_when_enough_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TELL_EVERY", 0.0)
    output = io.StringIO()
    Progress(Console(file=output)).feed(message("srl 3/8  reward 0.41\nmore"))
    assert output.getvalue().strip() == "srl 3/8  reward 0.41"


def test_lines_that_come_sooner_are_left_out() -> None:
    output = io.StringIO()
    Progress(Console(file=output)).feed(message("srl 3/8"))
    assert output.getvalue() == ""


def test_a_terminal_keeps_its_status_line_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TELL_EVERY", 0.0)
    output = io.StringIO()
    Progress(Console(file=output, force_terminal=True)).feed(message("srl 3/8"))
    assert output.getvalue() == ""
