"""``srl-pipeline packs stats``, as a person or a machine runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from srl_pipeline.cli.app import app
from srl_pipeline.errors import PipelineError
from srl_pipeline.generation.pack_figures import pack_statistics
from srl_pipeline.model_types import new_pack

from ..conftest import edit


@pytest.fixture(autouse=True)
def small(only_added_packs: Path, scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SAMPLED": 40, "DRAWN": 20, "SOLVED": 10, "GUESSED": 200, "PROBED": 2}.items():
        monkeypatch.setattr(pack_statistics, name, value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["packs", "stats", *arguments])


def test_the_page_is_printed_as_markdown() -> None:
    result = run("lanterns")
    assert result.exit_code == 0
    assert result.output.startswith("# Pack statistics\n")
    assert "| `fuel-is-local` | 1. Burner | hard |" in result.output


def test_the_page_is_written_to_the_file_asked_for(tmp_path: Path) -> None:
    new_pack("zithers")
    result = run("--out", str(tmp_path / "page.md"))
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert result.exit_code == 0
    assert "# Pack statistics" not in result.output
    assert str(tmp_path / "page.md") in result.output
    assert text.count("### Difficulty") == 2


def test_machines_are_told_all_figures_with_intervals() -> None:
    told = json.loads(run("lanterns", "--json").output)["lanterns"]
    assert told["scenarios"]["valid"] == 360
    assert told["expert"]["solved"]["n"] == told["expert"]["solved"]["hits"] == 10
    assert 0.7 < told["expert"]["solved"]["low"] < told["expert"]["solved"]["high"] == 1
    assert {r["rule"] for r in told["rules"]} >= {"fuel-is-local", "colour-tells-bearer"}


def test_a_broken_pack_is_told_and_the_others_are_measured(tmp_path: Path) -> None:
    edit(new_pack("broken") / "pack.yaml", "title: Lanterns", "titel: Lanterns")
    result = run("--out", str(tmp_path / "page.md"))
    assert result.exit_code == 1
    assert "titel: this key is not known here." in result.output
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "**broken** cannot be measured" in text
    assert "## Lanterns" in text


def test_machines_are_told_of_a_broken_pack_what_where_and_how_to_mend_it() -> None:
    edit(new_pack("broken") / "pack.yaml", "title: Lanterns", "titel: Lanterns")
    result = run("--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert set(told["broken"]) == {"error", "where", "mend"}
    assert "scenarios" in told["lanterns"]


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_statistics, "measure_pack", lambda *_: pytest.fail("it was measured"))
    for out, says in ((tmp_path, "is a folder"), (tmp_path / "no" / "page.md", "There is no folder")):
        error = run("--out", str(out)).exception
        assert isinstance(error, PipelineError)
        assert says in error.what


def test_an_unknown_name_is_told() -> None:
    result = run("nope", "--json")
    assert result.exit_code == 1
    assert "There is no model type 'nope'" in json.loads(result.output)["nope"]["error"]
