"""``srl-pipeline status`` and ``srl-pipeline metrics``: the state of an installation, for people and for machines."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import typer
from typer.testing import CliRunner

from srl_pipeline.cli.metrics import metrics
from srl_pipeline.cli.status import status
from srl_pipeline_tests.dashboard.sample import Sample

app = typer.Typer()
app.command("status")(status)
app.command("metrics")(metrics)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One model of trees is current, and its files are gone."""
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    sample, at = Sample(tmp_path), datetime(2026, 11, 2, tzinfo=UTC)
    made = sample.evaluation("trees", 0, Random(1), at, 0.5)
    sample.promoted("trees", made, at)
    sample.close()
    (sample.store.folder("registered_model", "trees", made) / "adapter_model.safetensors").unlink()
    return tmp_path


def test_people_read_the_state_of_every_type_and_where_the_page_lies(home: Path) -> None:
    told = CliRunner().invoke(app, ["status"]).stdout
    assert "30 of 60" in told and "never evaluated" in told
    assert "trees: The files of the current model" in told
    assert f"Status page: {home / 'status' / 'index.html'}" in told and (home / "status" / "index.html").exists()


def test_machines_read_all_that_is_known(home: Path) -> None:
    answer = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    trees = next(m for m in answer["models"] if m["model_type"] == "trees")
    assert trees["lost"] == ["current"] and answer["page"] == str(home / "status" / "index.html")


@pytest.mark.usefixtures("home")
def test_metrics_are_printed() -> None:
    assert 'srl_pass_rate{model_type="trees",stage="current"} 0.5' in CliRunner().invoke(app, ["metrics"]).stdout


def test_metrics_are_written_for_a_textfile_collector(home: Path) -> None:
    file = home / "srl.prom"
    assert CliRunner().invoke(app, ["metrics", "--to", str(file)]).stdout == ""
    assert 'srl_artifact_lost{alias="current",model_type="trees"} 1.0' in file.read_text()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("listen", ["9464", "localhost:", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    assert "is no address" in str(CliRunner().invoke(app, ["metrics", "--listen", listen]).exception)


@pytest.mark.usefixtures("home")
def test_a_port_that_is_taken_is_an_error_for_people() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "cannot be listened on" in str(CliRunner().invoke(app, ["metrics", "--listen", address]).exception)
