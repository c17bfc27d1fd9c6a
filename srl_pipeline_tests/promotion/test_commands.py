"""``srl-pipeline models``, ``explain``, ``promote``, ``rollback``, ``retire``, ``export`` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from srl_pipeline.cli.export import export
from srl_pipeline.cli.models import explain, models
from srl_pipeline.cli.promote import promote, retire, rollback
from srl_pipeline.errors import GateError, PipelineError

from .chains import TYPE, Chain, Installation, solving

commands = typer.Typer()
for name, command in {
    "models": models,
    "explain": explain,
    "promote": promote,
    "rollback": rollback,
    "retire": retire,
    "export": export,
}.items():
    commands.command(name)(command)


@pytest.fixture
def current(here: Installation, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """A model that is current, in the installation that commands find."""
    monkeypatch.setenv("SRL_HOME", str(here.home))
    monkeypatch.setenv("SRL_PRESET", "smoke")
    chain = here.chain(solving(20), weights="first")
    here.decide(chain)
    return chain


def run(*words: str) -> str:
    answer = CliRunner().invoke(commands, list(words))
    if answer.exception is not None:
        raise answer.exception
    return answer.stdout


def read(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_models_are_listed(current: Chain) -> None:
    assert current.registered in run("models", TYPE)
    (row,) = read("models", TYPE)
    assert (row["version"], row["aliases"], row["state"]) == (current.registered, ["current"], "there")


def test_a_type_without_models_says_so(current: Chain) -> None:
    assert run("models", "trees") == "trees has no registered model: run its chain.\n"
    assert run("explain", "trees").startswith("trees: no model is current.")
    assert read("explain", "trees")["decision"] is None


def test_an_unknown_type_is_an_error(current: Chain) -> None:
    with pytest.raises(PipelineError, match="no model type 'submarines'"):
        run("explain", "submarines")


def test_explain_prints_its_lines_and_gives_machines_the_decision(current: Chain) -> None:
    found = read("explain", TYPE)
    assert found["lines"] == run("explain", TYPE).splitlines()
    assert found["aliases"] == {"current": current.registered}
    assert found["decision"]["after"] == current.registered


def test_a_person_promotes_rolls_back_and_retires(here: Installation, current: Chain) -> None:
    worse = here.chain(solving(5), weights="worse")
    here.decide(worse)
    with pytest.raises(GateError, match="worse"):
        run("promote", TYPE, "--reason", "I want it.")
    told = run("promote", TYPE, worse.registered, "--reason", "I want it.", "--despite-gates")
    assert f"{worse.registered} is current (before: {current.registered})" in told.replace("\n", " ")
    assert read("rollback", TYPE, "--reason", "No more.")["after"] == current.registered
    assert "no model is current" in run("retire", TYPE, "--reason", "The end.").replace("\n", " ")
    assert [d.kind for d in here.decisions.decisions(TYPE)][:3] == ["rollback", "rollback", "promotion"]


def test_a_reason_is_not_optional(current: Chain) -> None:
    assert CliRunner().invoke(commands, ["rollback", TYPE]).exit_code == 2


def test_an_export_needs_a_place(current: Chain) -> None:
    with pytest.raises(PipelineError, match="not said where to"):
        run("export", TYPE)


def test_a_whole_model_is_exported_as_it_is(here: Installation, current: Chain, tmp_path: Path) -> None:
    record = json.dumps({"name": "small-64", "identity": "0", "grammar": 1})
    whole = here.chain(
        solving(40), weights="whole", files={"model.safetensors": "w", "config.json": "{}", "student.json": record}
    )
    target = tmp_path / "out"
    found = read("export", TYPE, whole.registered, "--to", str(target))
    assert found == {"version": whole.registered, "folder": str(target)}
    names = {file.name for file in target.iterdir()}
    assert names == {"model.safetensors", "config.json", "student.json", "README.md", "lineage.json"}
