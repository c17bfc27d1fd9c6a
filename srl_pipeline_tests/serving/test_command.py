"""``srl-pipeline serve`` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from openai import OpenAI
from typer.testing import CliRunner

from srl_pipeline.cli.serve import serve
from srl_pipeline.errors import PipelineError

from .conftest import Versions
from .world import ANSWER, MODEL, SOLVED, World


@pytest.fixture
def app(world: World, made: tuple[World, Versions], monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("SRL_HOME", str(world.home))
    monkeypatch.setenv("SRL_PACKS", str(made[0].home.parent / "packs"))
    found = typer.Typer()
    found.command()(serve)
    return found


def test_check_proves_that_plain_libraries_load_the_model(app: typer.Typer, world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    found = CliRunner().invoke(app, [MODEL, "--check"])
    assert found.exit_code == 0 and f"{MODEL} {versions.good}: plain peft and transformers load it" in found.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--check"], "No model of houses is current"),
        ([], "No model of houses is current"),
        (["--host", "0.0.0.0"], "not a loopback address"),
        (["--alias", "candidate", "--shadow", "candidate"], "The shadow is the model itself"),
        (["--set", "serving.queue=0"], "serving.queue"),
    ],
)
def test_what_cannot_be_served_is_told(app: typer.Typer, arguments: list[str], words: str) -> None:
    found = CliRunner().invoke(app, [MODEL, *arguments])
    assert isinstance(found.exception, PipelineError) and words in str(found.exception)


@pytest.mark.slow
def test_the_command_serves_until_it_is_ended(
    app: typer.Typer, world: World, versions: Versions, made: tuple[World, Versions]
) -> None:
    world.point(current=versions.good, previous=versions.also_good)
    code = "import typer; from srl_pipeline.cli.serve import serve; typer.run(serve)"
    command = [sys.executable, "-c", code, MODEL, "--port", "0", "--shadow", "previous", "--token-env", "HOUSE_KEY"]
    environment = os.environ | {"HOUSE_KEY": "a-long-random-text", "HF_HUB_OFFLINE": "1"}
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        told = process.stdout.readline()
        url = re.search(r"http://\S+/v1", told)
        assert url and versions.good in told and versions.also_good in told
        client = OpenAI(base_url=url[0], api_key="a-long-random-text", max_retries=0)
        found = client.chat.completions.create(model=MODEL, messages=[], extra_body={"scenario": SOLVED})
        assert found.choices[0].message.content == ANSWER
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
        process.wait()
