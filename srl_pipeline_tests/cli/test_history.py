"""``srl-pipeline history``: what was made of a model type."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import typer
from typer.testing import CliRunner

from srl_pipeline.cli.history import history
from srl_pipeline.errors import PipelineError
from srl_pipeline_tests.dashboard.sample import Sample

app = typer.Typer()
app.command()(history)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two evaluations of trees, the second one faster."""
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    sample = Sample(tmp_path)
    for number, hour in ((0, 8), (9, 9)):
        sample.evaluation("trees", number, Random(number), datetime(2026, 11, 2, hour, tzinfo=UTC), 0.5)
    sample.close()


@pytest.mark.usefixtures("made")
def test_people_read_what_was_made_and_what_started_it() -> None:
    told = " ".join(CliRunner().invoke(app, ["trees"]).stdout.split())
    assert told.count("eval_report") == 2 and told.count("registered_mo") == 2 and "rules" in told


@pytest.mark.usefixtures("made")
def test_a_figure_is_told_with_the_direction_of_its_change() -> None:
    told = CliRunner().invoke(app, ["trees", "--metric", "latency_p50_seconds"]).stdout
    assert told.count("better") == 1 and "worse" not in told and "registered" not in told


@pytest.mark.usefixtures("made")
def test_machines_read_the_entries_of_one_asset() -> None:
    answer = json.loads(CliRunner().invoke(app, ["trees", "--asset", "eval_report", "--last", "1", "--json"]).stdout)
    assert [(e["asset"], e["at"]) for e in answer] == [("eval_report", "2026-11-02T09:00:00+00:00")]


@pytest.mark.usefixtures("made")
def test_a_type_of_which_nothing_was_made_has_an_empty_history() -> None:
    assert "Nothing of plants is in the history." in CliRunner().invoke(app, ["plants"]).stdout


def test_an_unknown_type_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    assert isinstance(CliRunner().invoke(app, ["dragons"]).exception, PipelineError)
    assert list(tmp_path.iterdir()) == []
