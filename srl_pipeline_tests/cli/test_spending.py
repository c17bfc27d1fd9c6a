"""``srl-pipeline spending``: what was paid, by month, type and vendor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.app import app
from srl_pipeline.registry import LEDGER, Account, Caps, SqliteLedger, nanos

MONTH = "2026-11"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteLedger:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    return SqliteLedger(tmp_path / LEDGER, now=lambda: f"{MONTH}-05T12:00:00+00:00")


def pay(ledger: SqliteLedger, model_type: str, vendor: str, usd: float) -> None:
    account = Account(run="r", model_type=model_type, vendor=vendor)
    hold = ledger.hold("call", account, nanos(1), Caps(month=nanos(100)), seconds=1e9)
    ledger.commit(hold, nanos(usd))


def test_a_month_is_told_in_all_by_type_and_by_vendor(ledger: SqliteLedger) -> None:
    pay(ledger, "trees", "openai", 0.5)
    pay(ledger, "sounds", "openai", 0.25)
    ledger.close()
    answer = json.loads(CliRunner().invoke(app, ["spending", "--month", MONTH, "--json"]).stdout)
    assert {row["scope"]: row["usd"] for row in answer["scopes"]} == {
        "all": 0.75,
        "type sounds": 0.25,
        "type trees": 0.5,
        "vendor openai": 0.75,
    }


def test_people_read_a_table(ledger: SqliteLedger) -> None:
    pay(ledger, "trees", "openai", 0.5)
    ledger.close()
    assert "0.5000" in CliRunner().invoke(app, ["spending", "--month", MONTH]).stdout


def test_another_month_has_cost_nothing(ledger: SqliteLedger) -> None:
    pay(ledger, "trees", "openai", 0.5)
    ledger.close()
    assert "Nothing was spent in 2026-10." in CliRunner().invoke(app, ["spending", "--month", "2026-10"]).stdout


def test_what_is_no_month_is_refused(ledger: SqliteLedger) -> None:
    ledger.close()
    assert "is no month" in str(CliRunner().invoke(app, ["spending", "--month", "November"]).exception)
