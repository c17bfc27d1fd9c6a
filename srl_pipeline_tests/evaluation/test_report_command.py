"""``srl-pipeline report``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.app import app
from srl_pipeline.evaluation import write_report
from srl_pipeline.registry import ArtifactStore, build_or_reuse

from .builders import results, stage, training
from .step_builders import prompt, samples

PACK = "buildings"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def stored(home: Path) -> str:
    """A stored report; its version."""
    made = results(
        stage("base", [False] * 4), stage("rlvr", [True] * 3 + [False]), training=[training("rlvr", kl=0.02)]
    )
    built = build_or_reuse(
        ArtifactStore(home / "artifacts"),
        "eval_report",
        PACK,
        inputs={},
        config={},
        code="c",
        make=lambda folder: write_report(folder, made, steps=[samples("srl", prompt())]),
    )
    return built.artifact.data_version


def test_json_prints_a_row_a_stage(stored: str) -> None:
    answer = CliRunner().invoke(app, ["report", PACK, "--json"])
    rows = json.loads(answer.stdout)
    assert [row["stage"] for row in rows] == ["base", "rlvr"]
    assert set(rows[1]) == {"stage", "pass_rate", "low", "high", "n", "steps_right", "tokens", "seconds"}
    assert (rows[1]["pass_rate"], rows[1]["n"], rows[1]["tokens"], rows[1]["seconds"]) == (0.75, 4, 400, 20)


def test_people_read_tables_and_sentences(stored: str) -> None:
    text = CliRunner().invoke(app, ["report", PACK, "--version", stored]).stdout
    assert stored in text and "75.0 %" in text and "Training" in text
    assert "RLVR against base: +75.0 points" in text


def test_people_are_told_where_the_step_browser_lies(stored: str, home: Path) -> None:
    text = CliRunner().invoke(app, ["report", PACK]).stdout
    assert str(home / "artifacts" / "eval_report" / PACK / stored / "steps.html") in text


def test_an_unknown_version_is_refused(stored: str) -> None:
    error = CliRunner().invoke(app, ["report", PACK, "--version", "nothing"]).exception
    assert f"{PACK} has no eval report of version nothing" in str(error)


def test_a_type_without_a_report_is_told_what_to_do() -> None:
    error = CliRunner().invoke(app, ["report", PACK]).exception
    assert "has no eval report" in str(error) and "Materialize eval_report" in str(error)


def test_an_unknown_type_is_told_which_there_are() -> None:
    error = CliRunner().invoke(app, ["report", "spoons"]).exception
    assert "There is no model type 'spoons'" in str(error) and PACK in str(error)
