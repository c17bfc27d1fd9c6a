"""``srl-pipeline chain``: what is missing is said before anything begins. What it starts: `infra/trained.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.app import app
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.sagemaker.spec import SPEC
from srl_pipeline_tests.launchers.sagemaker.workshop import write_spec


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    monkeypatch.setenv(SPEC, str(write_spec(tmp_path)))
    monkeypatch.delenv("SRL_SETTINGS", raising=False)
    return tmp_path


def refused(*arguments: str) -> PipelineError:
    answer = CliRunner().invoke(app, ["chain", "trees", "--preset", "smoke", *arguments])
    assert isinstance(answer.exception, PipelineError), answer.output
    return answer.exception


def test_without_a_description_of_jobs_nothing_begins(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SPEC)
    assert SPEC in refused("--start").where


def test_a_cap_of_nothing_is_told_before_the_machine_would_stop_at_it(installation: Path) -> None:
    assert "budget.month_usd" in refused("--start").what


def test_a_type_without_verified_trajectories_is_told(installation: Path) -> None:
    error = refused("--set", "budget.month_usd=5")
    assert "trees has no verified rewards" in error.what and "Materialize verified_rewards" in error.mend
