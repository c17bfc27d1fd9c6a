"""The whole chain on the scaffold pack with the smoke preset: in one process, from the command line, and killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Sources, Stage
from srl_pipeline.defs.checks import GATES
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.model_types import load_pack, new_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, Built

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[1]
MODEL = "lanterns"
STAGES: tuple[Stage, ...] = ("srl_checkpoint", "rlvr_checkpoint", "eval_report")
MADE = list(INPUTS)[: list(INPUTS).index("eval_report") + 1]
KEPT = [*MADE, "current_evaluation", "weaknesses", "registered_model"]
"""Assets with an artifact of their own."""
SETTINGS = {"evaluation.scenarios": 4, "srl.steps": 20, "rlvr.steps": 5}
PATIENCE = 200.0
"""Seconds for one run of the chain; it takes a tenth of them on an idle machine."""


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packs with the scaffold pack; its tests do not edit it."""
    parent = tmp_path_factory.mktemp("packs")
    new_pack(MODEL, parent)
    return parent


@dataclass
class Chain:
    """The chain through the builders, in this process."""

    store: ArtifactStore
    config: PipelineConfig = field(default_factory=lambda: override(preset("smoke"), SETTINGS))

    def build(self) -> dict[str, Built]:
        """Every artifact up to the report."""
        from srl_pipeline.generation import build_trajectories, build_verified_rewards
        from srl_pipeline.lore import build_lore_index
        from srl_pipeline.teachers import build_teacher_pin
        from srl_pipeline.training import stages
        from srl_pipeline.training.requests import stage_request
        from srl_pipeline.verification import build_rule_set

        pack = load_pack(MODEL)
        built = {
            "lore_index": build_lore_index(self.store, pack, self.config.lore),
            "teacher_model": build_teacher_pin(self.store, MODEL, self.config.generation.teacher),
            "rule_set": build_rule_set(self.store, pack),
        }
        pins = Sources(**{name: b.artifact.data_version for name, b in built.items()})
        built["trajectories"] = build_trajectories(self.store, MODEL, pins, self.config, None)
        version = built["trajectories"].artifact.data_version
        built["verified_rewards"] = build_verified_rewards(self.store, MODEL, version, pins, self.config)
        for stage in STAGES:
            inputs = {name: built[name].artifact.data_version for name in INPUTS[stage]}
            built[stage] = stages.run(stage_request(self.store, stage, MODEL, inputs, self.config))
        return built


@pytest.fixture(scope="session")
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


@dataclass(frozen=True)
class Home:
    """An installation of its own, used through the command line."""

    folder: Path
    packs: Path

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "SRL_HOME": str(self.folder),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "SRL_PACKS": str(self.packs),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",  # matrices this small are slower on several threads
        }
        command = [sys.executable, "-m", "srl_pipeline.cli", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)

    def start_chain(self) -> subprocess.Popen[str]:
        settings = [text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")]
        return self.start("run", MODEL, "--preset", "smoke", "--json", *settings)

    def processes(self, word: str = "") -> list[int]:
        """Ids of the living processes that work for this home and have ``word`` in their command line."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            try:
                mine = f"SRL_HOME={self.folder}\0".encode() in (entry / "environ").read_bytes()
                if entry.name.isdigit() and mine and word.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:  # gone, or not ours to read
                continue
        return found

    def stored(self) -> dict[str, Path]:
        """The folder of each asset's only artifact."""
        found = {asset: list((self.artifacts / asset / MODEL).glob("*/manifest.json")) for asset in KEPT}
        assert all(len(files) == 1 for files in found.values()), found
        return {asset: files[0].parent for asset, files in found.items()}

    def result(self) -> dict[str, Any]:
        """What may not depend on interruptions: the trained weights and every evaluated episode."""
        stored = self.stored()
        report = json.loads((stored["eval_report"] / "results.json").read_text(encoding="utf-8"))
        weights = {s: (stored[s] / "adapter" / "adapter_model.safetensors").read_bytes() for s in STAGES[:2]}
        return weights | {stage["stage"]: stage["episodes"] for stage in report["stages"]}


def outcome_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a command printed; one that takes too long is killed, and its child with it."""
    try:
        return process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON that a successful command printed."""
    out, err = outcome_of(process)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out)


@pytest.fixture(scope="session")
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
    for asset, folder in home.stored().items():
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
        [child] = home.processes("srl_pipeline.training")
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
