"""Metrics over HTTP: to anybody on this machine, elsewhere to those who send the token."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
import typer
from prometheus_client import CollectorRegistry, Gauge
from typer.testing import CliRunner

from srl_pipeline.cli.metrics import metrics
from srl_pipeline.dashboard.exporter import exporter
from srl_pipeline.errors import PipelineError

app = typer.Typer()
app.command()(metrics)


@contextmanager
def served(token: str | None) -> Iterator[str]:
    registry = CollectorRegistry()
    Gauge("srl_sample", "A figure.", registry=registry).set(7)
    server = exporter(registry, "127.0.0.1", 0, token)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()


def ask(address: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_without_a_token_on_loopback_anybody_of_the_machine_may_ask() -> None:
    with served(None) as address:
        status, text = ask(address)
    assert status == 200 and "srl_sample 7.0" in text


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer other"}, {"Authorization": "Basic secret-token"}])
def test_where_there_is_a_token_nothing_is_told_without_it(sent: dict[str, str]) -> None:
    with served("secret-token") as address:
        assert ask(address, **sent) == (401, "")


def test_with_the_token_they_are_told() -> None:
    with served("secret-token") as address:
        status, text = ask(address, Authorization="Bearer secret-token")
    assert status == 200 and "srl_sample 7.0" in text


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:9464", "metrics.example:9464"])
def test_another_address_than_loopback_is_refused_without_a_token(
    listen: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, ["--listen", listen]).exception
    assert isinstance(refused, PipelineError) and "not a loopback address" in str(refused)


def test_a_variable_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    monkeypatch.delenv("SRL_METRICS_TOKEN", raising=False)
    refused = CliRunner().invoke(app, ["--listen", "0.0.0.0:0", "--token-env", "SRL_METRICS_TOKEN"]).exception
    assert "holds no token" in str(refused)
