from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from srl_pipeline.errors import TrainingError
from srl_pipeline.launchers.child import ASKED_TO_END
from srl_pipeline.training.optimization.arguments import micro_batches
from srl_pipeline.training.optimization.policy_stage import STATE, last_complete_checkpoint

from ..stage import STEPS, run_stage
from ..world import adapter_weights, equal, policy_config

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[3]


def train(student: Path, work: Path, *, die_at: int = 0, how: str = "", processes: int = 2) -> list[int]:
    """One stage in several real processes, each in a folder of its own; returns how they ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "srl_pipeline_tests.training.stage", str(student), str(work), str(die_at), how]
    work.mkdir(exist_ok=True)
    children = [
        subprocess.Popen(command, cwd=ROOT, env=os.environ | group | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]
    return [child.wait(timeout=240) for child in children]


def last_counts(work: Path) -> dict[str, int]:
    checkpoint = last_complete_checkpoint(work / "_checkpoints_srl")
    assert checkpoint is not None and checkpoint.name == f"checkpoint-{STEPS}"
    return json.loads((checkpoint / STATE).read_text())["counts"]


@pytest.fixture(scope="module")
def together(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("together")
    assert train(student_folder, work) == [0, 0]
    return work


def test_both_processes_end_with_the_same_weights_and_counts(together: Path) -> None:
    first, second = (adapter_weights(together / rank / "srl") for rank in ("0", "1"))
    assert equal(first, second) and last_counts(together / "0")["updates"] == STEPS


def test_two_processes_learn_what_one_learns(student_folder: Path, together: Path, tmp_path: Path) -> None:
    alone = run_stage(student_folder, tmp_path)
    assert last_counts(together / "0") == alone.counts.dump()
    ours, theirs = adapter_weights(together / "0" / "srl"), adapter_weights(alone.adapter)
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=1e-4, rtol=1e-3)
    assert max(float(w.abs().max()) for n, w in theirs.items() if "lora_B" in n) > 1e-3


@pytest.mark.slow
def test_two_processes_killed_and_resumed_end_with_the_same_weights_bit_for_bit(
    student_folder: Path, together: Path, tmp_path: Path
) -> None:
    assert train(student_folder, tmp_path / "w", die_at=3) == [-signal.SIGKILL] * 2
    assert train(student_folder, tmp_path / "w") == [0, 0]
    assert last_counts(tmp_path / "w" / "0") == last_counts(together / "0")
    for rank in ("0", "1"):
        assert equal(adapter_weights(tmp_path / "w" / rank / "srl"), adapter_weights(together / rank / "srl"))


def test_every_process_has_its_share_of_the_micro_batches() -> None:
    config = policy_config(prompts_per_step=8, rollouts=4, micro_batch_size=8)
    assert [micro_batches(config, n) for n in (1, 2, 4, 8)] == [(8, 4), (8, 2), (8, 1), (4, 1)]


def test_prompts_that_cannot_be_shared_evenly_are_refused() -> None:
    with pytest.raises(TrainingError, match="multiple of processes"):
        micro_batches(policy_config(prompts_per_step=6), 4)


@pytest.mark.chain
def test_processes_that_are_asked_to_end_save_together_and_go_on_to_the_same_weights(
    student_folder: Path, together: Path, tmp_path: Path
) -> None:
    assert train(student_folder, tmp_path / "w", die_at=3, how="term") == [ASKED_TO_END] * 2
    for rank in ("0", "1"):
        checkpoint = last_complete_checkpoint(tmp_path / "w" / rank / "_checkpoints_srl")
        assert checkpoint is not None and checkpoint.name == "checkpoint-3"
    assert train(student_folder, tmp_path / "w") == [0, 0]
    for rank in ("0", "1"):
        assert equal(adapter_weights(tmp_path / "w" / rank / "srl"), adapter_weights(together / rank / "srl"))
