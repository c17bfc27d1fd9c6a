"""``srl-pipeline audit``: who did what, as a table and as JSON; and whether it is as it was kept."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from srl_pipeline.cli.audit import audit
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import DECISIONS, LEDGER, Account, Caps, SqliteDecisions, SqliteLedger
from srl_pipeline_tests.registry.test_decisions import decision

app = typer.Typer()
app.command()(audit)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which a daemon promoted a model and paid for a call."""
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRL_ACTOR", "the-daemon")
    with closing(SqliteDecisions(tmp_path / "home" / DECISIONS)) as decisions:
        decisions.record(decision())
    with closing(SqliteLedger(tmp_path / "home" / LEDGER, now=lambda: "2026-11-27T12:00:00+00:00")) as ledger:
        held = ledger.hold("a", Account(run="r1", model_type="trees", vendor="openai"), 900, Caps(month=900), seconds=9)
        ledger.commit(held, 700)
    return tmp_path / "home"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.mark.usefixtures("home")
def test_it_shows_who_did_what_in_order() -> None:
    lines = json.loads(run("--json").output)
    assert [(line["kind"], line["actor"]) for line in lines] == [
        ("spending", "the-daemon"),
        ("promotion", "the-daemon"),
    ]
    shown = run("trees").output
    assert "the-daemon" in shown and "It is better." in shown


@pytest.mark.usefixtures("home")
def test_a_day_leaves_out_what_was_before_it() -> None:
    assert [line["kind"] for line in json.loads(run("--since", "2026-11-28", "--json").output)] == ["promotion"]
    assert isinstance(run("--since", "yesterday").exception, PipelineError)


def test_what_was_edited_ends_with_an_error(home: Path) -> None:
    good = run("--verify")
    assert (good.exit_code, "All is as it was kept." in good.output) == (0, True)
    with closing(sqlite3.connect(home / DECISIONS)) as db:
        db.execute("UPDATE decisions SET record = replace(record, 'the-daemon', 'somebody')")
        db.commit()
    bad = run("--verify")
    assert (bad.exit_code, "record 1 is not as it was kept" in bad.output) == (1, True)


def test_where_nothing_was_ever_done_no_file_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    assert "Nothing was decided" in run().output
    assert run("--verify").exit_code == 0
    assert not (tmp_path / "home").exists()
