"""The whole way through Dagster and the command line, in processes that may be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.model_types import new_pack
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.sqlite_jobs import TUNING, SqliteTuningJobs
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK
from srl_pipeline_tests.tuning import vendor_cases
from srl_pipeline_tests.tuning.providers.openai_cases import KEY
from srl_pipeline_tests.tuning.studio import Studio
from srl_pipeline_tests.tuning.test_lifecycle import knows_all, knows_nothing, paid_once
from srl_pipeline_tests.vendors import read_log
from srl_pipeline_tests.vendors.bedrock_server import BedrockServer

pytestmark = pytest.mark.chain
SETTINGS = {
    "budget.month_usd": 1000.0,
    "generation.scenarios": 20,
    "generation.candidates": 1,
    "generation.max_revisions": 0,
    "generation.min_acceptance": 0.3,
    "selection.tasks": 4,
}


@pytest.fixture
def studio(built: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """An empty installation: everything is made by jobs."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "packs").mkdir()
    monkeypatch.setenv("SRL_PACKS", str(tmp_path / "packs"))
    new_pack(PACK)
    return Studio(home, built.encoder, "")


def environment(studio: Studio, **settings: Any) -> dict[str, str]:
    folder = studio.home.parent
    chosen = SETTINGS | {"lore.embedder": str(studio.encoder)} | settings
    return os.environ | {
        "SRL_HOME": str(studio.home),
        "SRL_PRESET": "smoke",
        "SRL_PACKS": str(folder / "packs"),
        "SRL_TEACHERS": str(studio.home / "teachers.yaml"),
        "SRL_TUNING": str(studio.home / "tuning.yaml"),
        "SRL_SETTINGS": json.dumps(chosen),
        "DAGSTER_HOME": str(studio.home / "dagster"),
        "HF_HUB_OFFLINE": "1",
        KEY_VARIABLE: KEY,
    }


def python(studio: Studio, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(
        command, env=environment(studio, **settings), capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_dagster_plans_spends_polls_compares_selects_and_regenerates(studio: Studio, tmp_path: Path) -> None:
    with vendor_cases.openai(tmp_path, base=knows_nothing, tuned=knows_all) as case:
        studio.open(case)
        python(studio, "srl_pipeline_tests.tuning.rehearsal", str(tmp_path))
        told = json.loads((tmp_path / "rehearsal.json").read_text(encoding="utf-8"))
        assert told["unnamed"][-1] == "setting tuning.tuner names no tuner: nothing to do"
        assert "planned; nothing is spent" in told["planned"][0] and "no tuning job" in told["idle"]
        assert "the vendor is at work" in told["confirmed"][0]
        assert len(told["ticks"]) >= 2 and told["ticks"][0] == [] and len(told["ticks"][-1]) == 1
        assert "it cost $" in told["finished"][0] and "no tuning job" in told["after"]
        assert case.begun() == 1
        tuning, teacher = [d for d in told["decisions"] if d["kind"] != "configuration"]
        assert (tuning["kind"], tuning["verdict"]) == ("tuning", "change")
        assert told["selection_asked"] == [PACK]
        assert (teacher["kind"], teacher["verdict"], teacher["before"]) == ("teacher", "change", "base")
        assert teacher["after"] == tuning["subject"] == told["settings"]["generation.teacher"]
        [assets] = told["regenerate"]
        assert {"teacher_model", "trajectories", "srl_checkpoint", "promotion"} <= set(assets)


MADE = """
import sys
from srl_pipeline.cli.instance import prepare_dagster_home
from srl_pipeline.cli.run import end_where_failed, materialize
from srl_pipeline.config import home
from srl_pipeline_tests.tuning.rehearsal import DATA

pipeline = {"preset": "smoke", "overrides": {"generation.teacher": "search"}, "home": str(home())}
run, progress = materialize(sys.argv[1], pipeline, prepare_dagster_home(), quiet=True, assets=DATA)
end_where_failed(sys.argv[1], run, progress.assets)
"""
"""What `srl-pipeline run` makes before it trains."""


@pytest.fixture(scope="module")
def made(built: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose data was made by the jobs of the command line: home and packs."""
    folder = tmp_path_factory.mktemp("made")
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        (folder / "packs").mkdir()
        patch.setenv("SRL_PACKS", str(folder / "packs"))
        new_pack(PACK)
    studio = Studio(home, built.encoder, "")
    (home / "teachers.yaml").write_text(
        "version: 1\nteachers: {search: {kind: search}}\nresponsibilities: {default: search}\n", encoding="utf-8"
    )
    command = [sys.executable, "-c", MADE, PACK]
    subprocess.run(command, env=environment(studio), check=True, capture_output=True, timeout=240)
    return folder


@pytest.fixture
def ready(made: Path, studio: Studio) -> Studio:
    """The same, with that data."""
    shutil.copytree(made / "home", studio.home, dirs_exist_ok=True)
    return studio


def tune(studio: Studio, *options: str) -> str:
    return python(studio, "srl_pipeline.cli", "tune", PACK, "--poll", "0.05", *options).stdout


def newest(studio: Studio) -> TuningJob:
    with closing(SqliteTuningJobs(studio.home / TUNING)) as jobs:
        return jobs.jobs(PACK)[0]


@pytest.mark.parametrize("vendor", ["openai", "gemini", "bedrock", "anthropic"])
def test_the_command_looks_then_spends_and_says_what_came_of_it(
    ready: Studio, tmp_path: Path, aws: BedrockServer, vendor: str
) -> None:
    opened: Any = getattr(vendor_cases, vendor)
    more = {"aws": aws} if vendor == "bedrock" else {}
    with opened(tmp_path, base=knows_nothing, tuned=knows_all, **more) as case:
        ready.open(case)
        looked = tune(ready, "--provider", vendor, "--dry-run")
        assert "examples to train on" in looked and "cost: $" in looked and "at the most" in looked
        assert "ok: budget" in looked and "Dry run: nothing was sent and nothing was spent" in looked
        assert case.begun() == 0
        spent = tune(ready, "--provider", vendor, "--confirm")
        assert "is better than prompting alone by its verified solutions per dollar" in spent
        paid_once(ready, case, newest(ready))


@pytest.mark.timeout(600)  # a kill in the middle of a submission is waited out
def test_a_command_that_is_killed_again_and_again_pays_once(ready: Studio, tmp_path: Path) -> None:
    with vendor_cases.openai(tmp_path, base=knows_nothing, tuned=knows_all) as case:
        ready.open(case)
        log = case.server.log.file
        killed = 0
        for requests in (2, 4, 6, 9, 14):
            command = [sys.executable, "-m", "srl_pipeline.cli", "tune", PACK, "--tuner", "tuner", "--confirm"]
            process = subprocess.Popen(
                [*command, "--poll", "0.05"],
                env=environment(ready),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            end = time.monotonic() + 120
            while process.poll() is None and len(read_log(log)) < requests:
                assert time.monotonic() < end
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.wait()
        assert killed >= 3
        for _ in range(2):  # once it is over, again does nothing
            assert "; decision " in tune(ready, "--tuner", "tuner", "--confirm")
        paid_once(ready, case, newest(ready))
        assert len(ready.decisions()) == 1
