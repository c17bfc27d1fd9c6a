"""``srl-pipeline state``: a table is made once, and the other commands then keep and find things in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli import state
from srl_pipeline.cli.app import app
from srl_pipeline.clock import now_iso
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import Account, Caps, nanos
from srl_pipeline.registry.places import open_ledger
from srl_pipeline_tests.aws.moto_server import emulated_aws

run = CliRunner().invoke


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    emulated_aws(monkeypatch)
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    monkeypatch.setenv("SRL_STATE", "dynamodb://cli-state")
    return tmp_path


def test_the_table_is_made_once(home: Path) -> None:
    assert "The table cli-state is made." in run(state.app, ["create"]).stdout
    assert "The table cli-state is there." in run(state.app, ["create"]).stdout


def test_spending_is_read_from_the_table_and_no_file_is_made(home: Path) -> None:
    run(state.app, ["create"])
    assert "Nothing was spent" in run(app, ["spending"]).stdout
    ledger = open_ledger(home)
    account = Account(run="r", model_type="trees", vendor="openai")
    ledger.commit(ledger.hold("c", account, nanos(1), Caps(month=nanos(2)), seconds=60), nanos(0.5))
    assert "0.5000" in run(app, ["spending", "--month", now_iso()[:7]]).stdout
    assert not list(home.iterdir())


def test_a_table_that_is_missing_is_an_error_of_every_command(home: Path) -> None:
    answer = run(app, ["spending"])
    assert isinstance(answer.exception, PipelineError)
    assert "srl-pipeline state create" in answer.exception.mend


def test_files_need_no_making(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRL_STATE")
    answer = run(state.app, ["create"])
    assert isinstance(answer.exception, PipelineError)
    assert "SQLite files" in answer.exception.what
