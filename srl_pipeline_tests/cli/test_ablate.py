"""`srl-pipeline ablate`: refuses before it starts, prints the table, and JSON alone when asked."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from srl_pipeline.ablation import laboratory
from srl_pipeline.cli import ablate as command
from srl_pipeline.cli.app import app
from srl_pipeline.cli.progress import AssetState, Progress
from srl_pipeline.errors import PipelineError
from srl_pipeline.model_types import Pack
from srl_pipeline_tests.ablation.cases import FakeLaboratory


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scaffold_pack: Pack) -> None:
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")  # set, so that monkeypatch takes away what the command puts there
    for name in ("GOMP_SPINCOUNT", "TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, scaffold_pack: Pack) -> FakeLaboratory:
    """Data that is there and a laboratory that trains nothing."""
    made = FakeLaboratory(found=([0, 0, 1, 1], [0, 0, 2, 2]))
    assets = {name: AssetState(state="done", data_version=f"v-{name}") for name in command.DATA}

    def materialize(*_: Any, assets_: Any = assets, **__: Any) -> tuple[str, Progress]:
        progress = Progress(None)
        progress.assets = dict(assets_)
        return "run", progress

    monkeypatch.setattr(command, "materialize", materialize)
    monkeypatch.setattr(command, "_workspace", lambda *_: SimpleNamespace(pack=scaffold_pack))
    monkeypatch.setattr(laboratory, "WorkspaceLaboratory", lambda _: made)
    return made


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ablate", *arguments])


def folders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home" / "ablations").glob("lanterns-*"))


def folder(tmp_path: Path) -> Path:
    [found] = folders(tmp_path)
    return found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no_such_type"], "There is no model type 'no_such_type'"),
        (["lanterns", "--preset", "huge"], "There is no preset 'huge'"),
        (["lanterns", "--arms", "srl,magic"], "There is no arm 'magic'"),
        (["lanterns", "--regimes", "medium"], "There is no regime 'medium'"),
        (["lanterns", "--set", "ablation.samplez=3"], "There is no setting 'ablation.samplez'"),
        (["lanterns", "--set", "ablation.hard_at_most=0.5"], "hard_at_most must lie below easy_at_least"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_made(arguments: list[str], told: str, tmp_path: Path) -> None:
    result = invoke(*arguments)
    assert isinstance(result.exception, PipelineError) and told in str(result.exception)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--seeds", "-1"], ["--budget", "0"]])
def test_numbers_below_one_are_refused(arguments: list[str], tmp_path: Path) -> None:
    assert invoke("lanterns", *arguments).exit_code == 2
    assert not (tmp_path / "home").exists()


def test_a_failure_of_the_data_ends_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(None)
    progress.assets = {"lore_index": AssetState(state="failed", error="No lore.")}
    monkeypatch.setattr(command, "materialize", lambda *_, **__: ("run", progress))
    result = invoke("lanterns", "--preset", "smoke")
    assert result.exit_code == 1 and "error: lore_index[lanterns]: No lore." in result.stderr


def test_the_table_is_shown_and_the_three_files_lie_in_the_plans_folder(fake: FakeLaboratory, tmp_path: Path) -> None:
    result = invoke("lanterns", "--preset", "smoke", "--seeds", "2")
    assert result.exit_code == 0, result.stderr
    assert "SRL → RLVR" in result.output and "undecided" in result.output
    assert {"plan.json", "ablation.md", "ablation.json", "ablation.png", "ablation.log", "seed-1", "seed-2"} <= {
        p.name for p in folder(tmp_path).iterdir()
    }


def test_progress_and_time_left_are_told_beside_the_output(fake: FakeLaboratory) -> None:
    result = invoke("lanterns", "--preset", "smoke", "--seeds", "1", "--json")
    assert "seed 1, hard, srl: done;" in result.stderr and " left" in result.stderr


def test_json_is_all_that_is_on_standard_output(fake: FakeLaboratory, tmp_path: Path) -> None:
    told = json.loads(invoke("lanterns", "--preset", "smoke", "--seeds", "1", "--json").stdout)
    assert told["folder"] == str(folder(tmp_path))
    assert [row["arm"] for row in told["rows"] if row["regime"] == "easy"][-1] == "srl_rlvr"


def test_the_budget_option_is_the_setting(fake: FakeLaboratory) -> None:
    told = json.loads(invoke("lanterns", "--preset", "smoke", "--budget", "777", "--seeds", "1", "--json").stdout)
    assert told["token_budget"] == 777


def test_arms_and_regimes_can_be_chosen(fake: FakeLaboratory) -> None:
    result = invoke("lanterns", "--preset", "smoke", "--seeds", "1", "--arms", "srl", "--regimes", "hard", "--json")
    rows = json.loads(result.stdout)["rows"]
    assert [(row["regime"], row["arm"]) for row in rows] == [("hard", "base"), ("hard", "warmup"), ("hard", "srl")]


def test_another_budget_has_another_folder_and_the_same_start_and_the_same_again_makes_nothing(
    fake: FakeLaboratory, tmp_path: Path
) -> None:
    for budget in ("777", "778", "777"):
        invoke("lanterns", "--preset", "smoke", "--budget", budget, "--seeds", "1")
    assert len(folders(tmp_path)) == 2
    assert [call for call in fake.asked if call.startswith(("warm", "calibrate"))] == ["warm up 1", "calibrate 1"]
    assert len([call for call in fake.asked if call.startswith("train")]) == 2 * 2 * 5
