"""Test-only: an installation of its own that makes the whole chain of the scaffold pack on the smoke preset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Sources, Stage
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.model_types import load_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, Built

ROOT = Path(__file__).parents[1]
MODEL = "lanterns"
STAGES: tuple[Stage, ...] = ("srl_checkpoint", "rlvr_checkpoint", "eval_report")
MADE = list(INPUTS)[: list(INPUTS).index("eval_report") + 1]
KEPT = [*MADE, "current_evaluation", "weaknesses", "registered_model"]
"""Assets with an artifact of their own."""
SETTINGS = {"evaluation.scenarios": 4, "srl.steps": 20, "rlvr.steps": 5}
PATIENCE = 200.0
"""Seconds for one run of the chain; it takes a tenth of them on an idle machine."""


@dataclass
class Chain:
    """The chain through the builders, in this process."""

    store: ArtifactStore
    config: PipelineConfig = field(default_factory=lambda: override(preset("smoke"), SETTINGS))

    def build_rewards(self) -> dict[str, Built]:
        """Every artifact that training rests on."""
        from srl_pipeline.generation import build_trajectories, build_verified_rewards
        from srl_pipeline.lore import build_lore_index
        from srl_pipeline.teachers import build_teacher_pin
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
        return built

    def build(self) -> dict[str, Built]:
        """Every artifact up to the report."""
        from srl_pipeline.stages.requests import stage_request
        from srl_pipeline.stages.run import run

        built = self.build_rewards()
        for stage in STAGES:
            inputs = {name: built[name].artifact.data_version for name in INPUTS[stage]}
            built[stage] = run(stage_request(self.store, stage, MODEL, inputs, self.config))
        return built


@dataclass(frozen=True)
class Home:
    """An installation of its own, used through the command line."""

    folder: Path
    packs: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])

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
            **self.environment,
        }
        command = [sys.executable, "-m", "srl_pipeline.cli", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)

    def start_chain(self, command: str = "run", *arguments: str) -> subprocess.Popen[str]:
        settings = [text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")]
        return self.start(command, MODEL, "--preset", "smoke", "--json", *settings, *arguments)

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

    def result(self) -> dict[str, Any]:
        """`result_of` this installation's folder."""
        return result_of(ArtifactStore(self.artifacts))


def stored_in(store: ArtifactStore) -> dict[str, Path]:
    """The folder of each asset's only artifact."""
    found = {asset: store.versions(asset, MODEL) for asset in KEPT}
    assert all(len(artifacts) == 1 for artifacts in found.values()), found
    return {asset: artifacts[0].path for asset, artifacts in found.items()}


def result_of(store: ArtifactStore) -> dict[str, Any]:
    """What may not depend on interruptions: the trained weights and every evaluated episode."""
    stored = stored_in(store)
    report = json.loads((stored["eval_report"] / "results.json").read_text(encoding="utf-8"))
    weights = {s: (stored[s] / "adapter" / "adapter_model.safetensors").read_bytes() for s in STAGES[:2]}
    return weights | {stage["stage"]: stage["episodes"] for stage in report["stages"]}


def outcome_of(process: subprocess.Popen[str], patience: float = PATIENCE) -> tuple[str, str]:
    """What a command printed; one that takes too long is killed, and its child with it."""
    try:
        return process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def finished(process: subprocess.Popen[str], patience: float = PATIENCE) -> dict[str, Any]:
    """The JSON that a successful command printed."""
    out, err = outcome_of(process, patience)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out)
