from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.stages import run as stages
from srl_pipeline.training.environment import tasks
from srl_pipeline.training.students.adapters import WEIGHTS
from srl_pipeline_tests.training.outcome import OutcomeTask
from srl_pipeline_tests.training.room import SOLUTIONS, Room, config
from srl_pipeline_tests.training.world import adapted, adapter_weights, load

SETTINGS = {
    "rlvr.steps": 4,
    "rlvr.prompts_per_step": 2,
    "rlvr.rollouts": 4,
    "rlvr.max_tokens": 16,
    "rlvr.max_resamples": 9,
    "rlvr.learning_rate": 1e-3,
    "rlvr.validate_every": 2,
    "rlvr.max_kl": 1.0,
    "preflight.mode": "off",
}


@dataclass
class RlvrRoom(Room):
    """A room with an SRL checkpoint, and a verifier that nobody asks. Named double of a `Workspace`."""

    checkpoint: Path = Path()
    verifier: Any = None

    def input(self, asset: str) -> Any:
        assert asset == "srl_checkpoint"
        return SimpleNamespace(path=self.checkpoint)


@pytest.fixture
def room(student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RlvrRoom:
    """What `train_rlvr` needs; its rewards are those of the outcome task."""
    monkeypatch.setattr(tasks, "RlvrTask", lambda *_: OutcomeTask())
    checkpoint = tmp_path / "srl_checkpoint"
    adapted(load(student_folder), shaken=0.05).save_pretrained(str(checkpoint / "adapter"))
    accepted = {"train": SOLUTIONS, "validation": SOLUTIONS[:2]}
    return RlvrRoom(student_folder, accepted=accepted, checkpoint=checkpoint)


def with_overrides(values: dict[str, Any]) -> PipelineConfig:
    return override(config(), SETTINGS | values)


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ({"rlvr.algorithm": "grpo", "rlvr.kl_beta": 0.1, "rlvr.kl_target": 0.01}, {"kl", "kl_coef"}),
        ({"rlvr.algorithm": "ppo", "rlvr.ppo.gae_lambda": 0.95}, {"value_loss", "explained_variance", "clip_fraction"}),
        ({"rlvr.algorithm": "ppo", "rlvr.kl_beta": 0.1, "rlvr.kl_target": 0.01}, {"value_loss", "kl", "kl_coef"}),
        ({"rlvr.algorithm": "dpo", "rlvr.dpo.pairs": 2}, {"margin", "pair_accuracy"}),
    ],
)
def test_an_override_is_all_that_another_algorithm_takes(
    room: RlvrRoom, tmp_path: Path, values: dict[str, Any], columns: set[str]
) -> None:
    room.config, work = with_overrides(values), tmp_path / "work"
    work.mkdir()
    outcome = stages.train_rlvr(room, work)  # type: ignore[arg-type]
    assert [gate.name for gate in outcome.gates if not gate.passed] == []
    [summary] = json.loads((work / stages.SUMMARY).read_text())
    assert (summary["stage"], summary["steps"], summary["note"]) == ("rlvr", 4, "")
    assert columns <= summary["curve"][0].keys()
    assert outcome.metrics["updates"] == 4 and outcome.metrics["change"] > 0
    assert adapter_weights(work / "adapter").keys() == adapter_weights(tmp_path / "srl_checkpoint" / "adapter").keys()
    assert [p.name for p in (work / "adapter").glob("*.safetensors")] == [WEIGHTS]
