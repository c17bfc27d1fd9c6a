"""The whole comparison on the scaffold pack with the smoke preset, from the command line: once, killed, and again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.ablation.plan import ARMS
from srl_pipeline.model_types import new_pack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MODEL = "lanterns"
PATIENCE = 400.0
ARGUMENTS = ("ablate", MODEL, "--preset", "smoke", "--seeds", "1", "--json", "--set", "ablation.train_candidates=6")


@dataclass(frozen=True)
class Home:
    """An installation of its own, used through the command line."""

    folder: Path
    packs: Path

    def start(self) -> subprocess.Popen[str]:
        environment = os.environ | {
            "SRL_HOME": str(self.folder),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "SRL_PACKS": str(self.packs),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "srl_pipeline.cli", *ARGUMENTS]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)

    def finish(self) -> dict[str, Any]:
        """The JSON that a successful run prints."""
        process = self.start()
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert process.returncode == 0, err[-3000:]
        return json.loads(out)

    def kill_at(self, pattern: str, lines: int) -> None:
        """SIGKILL once a file of the ablation has so many lines."""
        process, until = self.start(), time.time() + PATIENCE
        while not any(
            f.read_bytes().count(b"\n") >= lines for f in (self.folder / "ablations").glob(f"*/seed-1/hard/{pattern}")
        ):
            if process.poll() is not None or time.time() > until:
                process.kill()
                pytest.fail(f"the moment never came: {process.communicate()[1][-3000:]}")
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

    def cells(self) -> dict[str, Any]:
        """Every finished cell, without what a clock decides."""
        found = {}
        for file in (self.folder / "ablations").glob("*/seed-1/hard/*/result.json"):
            cell = json.loads(file.read_text())
            for stage in cell["stages"]:
                del stage["seconds"]
            found[cell["arm"]] = cell | {"trial": cell["trial"]["answers"]}
        return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Any]]:
    packs = tmp_path_factory.mktemp("packs")
    new_pack(MODEL, packs)
    home = Home(tmp_path_factory.mktemp("whole"), packs)
    return home, home.finish()


def test_every_arm_has_a_row_and_spent_its_budget_or_says_why_not(whole: tuple[Home, dict[str, Any]]) -> None:
    rows = {row["arm"]: row for row in whole[1]["rows"] if row["regime"] == "hard"}
    assert tuple(rows) == ARMS
    for arm in ("sft", "rlvr", "holistic", "srl", "srl_rlvr"):
        spent = rows[arm]["generated_tokens"] + rows[arm]["trained_tokens"]
        near = abs(spent / whole[1]["token_budget"] - 1) <= 0.2
        assert near or any("Ended at" in note for note in rows[arm]["notes"])
    assert len(whole[1]["comparisons"]) >= 33


def test_equal_weights_gave_equal_answers(whole: tuple[Home, dict[str, Any]]) -> None:
    cells = whole[0].cells()
    unmoved = [c for c in cells.values() if c["stages"] and not any(s["updates"] for s in c["stages"])]
    assert all(c["trial"] == cells["warmup"]["trial"] for c in unmoved)


def test_a_second_run_trains_nothing_and_says_the_same(whole: tuple[Home, dict[str, Any]]) -> None:
    home, first = whole
    weights = {f: f.stat().st_mtime_ns for f in home.folder.glob("ablations/*/seed-1/*/*/adapter/*.safetensors")}
    assert home.finish() == first
    assert weights and all(f.stat().st_mtime_ns == time_ for f, time_ in weights.items())


@pytest.mark.parametrize(
    ("pattern", "lines"), [("srl/metrics_srl.jsonl", 3), ("srl_rlvr/metrics_rlvr.jsonl", 1), ("sft/metrics_*.jsonl", 2)]
)
def test_killed_and_run_again_it_ends_as_if_nothing_had_happened(
    whole: tuple[Home, dict[str, Any]], tmp_path: Path, pattern: str, lines: int
) -> None:
    home = Home(tmp_path / "home", whole[0].packs)
    for name in ("artifacts", "students", "dagster"):
        shutil.copytree(whole[0].folder / name, home.folder / name)
    home.kill_at(pattern, lines)
    home.finish()
    assert home.cells() == whole[0].cells()
    assert list(home.folder.glob("ablations/*/seed-1/*/*/_*")) == []
