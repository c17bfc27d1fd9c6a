"""The whole chain on the scaffold pack with the smoke preset: in one process, from the command line, and killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from srl_pipeline.contracts import Stage
from srl_pipeline.defs.checks import GATES
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.model_types import new_pack
from srl_pipeline.registry import ArtifactStore, Built
from srl_pipeline_tests.whole_chain import (
    MADE,
    MODEL,
    PATIENCE,
    STAGES,
    Chain,
    Home,
    finished,
    outcome_of,
    stored_in,
)

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packs with the scaffold pack; its tests do not edit it."""
    parent = tmp_path_factory.mktemp("packs")
    new_pack(MODEL, parent)
    return parent


@pytest.fixture(scope="module")
def made(packs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, dict[str, Built]]]:
    """The chain after its first pass; its home also lends the student to the homes below."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    chain = Chain(ArtifactStore(tmp_path_factory.mktemp("in_process") / "artifacts"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRL_PACKS", str(packs))
        yield chain, chain.build()
    torch.set_num_threads(threads)


def test_in_one_process_every_artifact_is_made_from_the_ones_before_and_passes_its_gates(
    made: tuple[Chain, dict[str, Built]],
) -> None:
    _, built = made
    assert list(built) == MADE
    for asset, one in built.items():
        manifest = one.manifest
        assert not one.reused and manifest.failed_gates == []
        assert {gate.name for gate in manifest.gates} >= set(GATES[asset])
        assert manifest.inputs.items() <= {n: b.artifact.data_version for n, b in built.items()}.items()
        assert manifest.digests and all((one.artifact.path / name).is_file() for name in manifest.digests)
    assert built["srl_checkpoint"].manifest.metrics["updates"] > 0


def test_the_chain_without_dagster_would_make_the_same_artifacts(made: tuple[Chain, dict[str, Built]]) -> None:
    from srl_pipeline.stages.requests import chain_requests

    chain, built = made
    requests = chain_requests(chain.store, built["verified_rewards"].manifest, chain.config)
    assert {s: r.data_version for s, r in requests.items()} == {s: built[s].artifact.data_version for s in STAGES}


def test_the_report_of_the_chain_is_whole(made: tuple[Chain, dict[str, Built]]) -> None:
    from srl_pipeline.evaluation.report import read_results

    folder = made[1]["eval_report"].artifact.path
    results = read_results(folder)
    assert [(s.stage, len(s.episodes)) for s in results.stages] == [(n, 4) for n in ("base", "warmup", "srl", "rlvr")]
    assert [t.stage for t in results.training] == ["warmup", "srl", "rlvr"]
    assert {"results.json", "summary.json", "report.md", "steps.html"} <= {p.name for p in folder.iterdir()}
    assert list((folder / "plots").glob("*.png"))


def test_a_second_pass_in_one_process_makes_nothing(made: tuple[Chain, dict[str, Built]]) -> None:
    chain, first = made
    again = chain.build()
    assert [asset for asset, built in again.items() if not built.reused] == []
    assert {n: b.artifact for n, b in again.items()} == {n: b.artifact for n, b in first.items()}


@pytest.fixture(scope="module")
def whole(
    made: tuple[Chain, dict[str, Built]], packs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, dict[str, Any]]:
    """A home in which one run of the command line made everything, and what the run said."""
    home = Home(tmp_path_factory.mktemp("whole"), packs)
    shutil.copytree(made[0].store.root.parent / "students", home.folder / "students")
    return home, finished(home.start_chain())


def test_the_command_line_makes_the_whole_chain_in_a_process_of_its_own(whole: tuple[Home, dict[str, Any]]) -> None:
    home, told = whole
    assert told["success"] is True and told["unchanged"] == 0
    assert {name: asset["state"] for name, asset in told["assets"].items()} == dict.fromkeys(INPUTS, "done")
    for asset, folder in stored_in(ArtifactStore(home.artifacts)).items():
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert all(gate["passed"] for gate in manifest["gates"])
        assert {gate["name"] for gate in manifest["gates"]} >= set(GATES.get(asset, {}))
    assert home.processes() == []


def test_a_second_run_says_that_all_is_unchanged(whole: tuple[Home, dict[str, Any]]) -> None:
    home, first = whole
    again = finished(home.start_chain())
    assert len(again["assets"]) == len(INPUTS)
    assert {name for name, asset in again["assets"].items() if not asset["reused"]} == {"status_page"}
    versions = [{n: a["data_version"] for n, a in told["assets"].items()} for told in (first, again)]
    assert versions[0] == versions[1]


def test_the_report_command_gives_a_row_a_stage(whole: tuple[Home, dict[str, Any]]) -> None:
    rows: Any = finished(whole[0].start("report", MODEL, "--json"))
    assert [(row["stage"], row["n"]) for row in rows] == [(name, 4) for name in ("base", "warmup", "srl", "rlvr")]


@dataclass(frozen=True)
class Kill:
    """SIGKILL for the training child or for the command line, once a file of the work folder has so many lines."""

    victim: Literal["child", "parent"]
    stage: Stage
    file: str
    lines: int
    delay: float

    def happen(self, home: Home) -> None:
        """Start the chain, strike at the moment, and see that nothing lives on."""
        begun, process = time.time(), home.start_chain()
        while not self._is_time(home, begun):
            if process.poll() is not None or time.time() - begun > PATIENCE:
                process.kill()
                pytest.fail(f"the moment never came: {process.communicate()[1][-3000:]}")
            time.sleep(0.005)
        time.sleep(self.delay)
        [child] = home.processes("srl_pipeline.stages")
        os.kill(child if self.victim == "child" else process.pid, signal.SIGKILL)
        _, err = outcome_of(process)
        if self.victim == "child":
            assert process.returncode == 1 and "killed by signal 9" in err and "Traceback" not in err
        else:
            assert process.returncode == -signal.SIGKILL
        until = time.time() + 10
        while home.processes() and time.time() < until:
            time.sleep(0.05)
        assert home.processes() == [], "a process outlived its launcher"
        assert not list((home.artifacts / self.stage).glob("*/*/manifest.json")), "it had come to its end already"

    def _is_time(self, home: Home, begun: float) -> bool:
        """Counts what this attempt wrote: what an earlier one left is older."""
        for file in (home.artifacts / "_work" / self.stage / MODEL).glob(f"*/{self.file}"):
            if file.stat().st_mtime > begun and file.read_bytes().count(b"\n") >= self.lines:
                return True
        return False


def start_again_from_the_rewards(whole: Home, folder: Path) -> Home:
    """A new home that has everything before training, so that a test spends its time on what is killed."""
    home = Home(folder, whole.packs)
    shutil.copytree(whole.folder / "students", folder / "students")
    for asset in ("lore_index", "teacher_model", "rule_set", "trajectories", "verified_rewards"):
        shutil.copytree(whole.artifacts / asset, home.artifacts / asset)
    return home


def _moments(seed: int) -> list[Kill]:
    rng = random.Random(seed)

    def kill(victim: Literal["child", "parent"], stage: Stage, file: str, lines: int) -> Kill:
        return Kill(victim, stage, file, lines, round(rng.uniform(0, 0.3), 3))

    return [
        kill("child", "srl_checkpoint", "metrics_warmup.jsonl", rng.randint(1, 5)),
        kill("parent", "srl_checkpoint", "metrics_warmup.jsonl", rng.randint(10, 20)),
        kill("child", "srl_checkpoint", "metrics_srl.jsonl", rng.randint(1, 4)),
        kill("parent", "srl_checkpoint", "metrics_srl.jsonl", rng.randint(5, 8)),
        kill("child", "srl_checkpoint", "metrics_srl.jsonl", rng.randint(9, 12)),
        kill("parent", "srl_checkpoint", "metrics_srl.jsonl", rng.randint(13, 17)),
        kill("parent", "rlvr_checkpoint", "metrics_rlvr.jsonl", 1),
        kill("child", "rlvr_checkpoint", "metrics_rlvr.jsonl", rng.randint(2, 3)),
        kill("child", "eval_report", "_base.json", 1),
        kill("parent", "eval_report", "_warmup.json", 1),
    ]


TEN = _moments(7)
TWO = [TEN[2], TEN[5]]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "kills",
    [pytest.param(TWO, id="child and command line"), pytest.param(TEN, id="ten", marks=pytest.mark.slow)],
)
def test_a_chain_killed_and_run_again_ends_as_if_nothing_had_happened(
    whole: tuple[Home, dict[str, Any]], tmp_path: Path, kills: list[Kill]
) -> None:
    home = start_again_from_the_rewards(whole[0], tmp_path / "home")
    for kill in kills:
        kill.happen(home)
    told = finished(home.start_chain())
    assert told["success"] is True
    assert home.result() == whole[0].result()
    assert home.processes() == []
    left = [p for p in (home.artifacts / "_work").rglob("*") if p.is_file()]
    assert left == []
