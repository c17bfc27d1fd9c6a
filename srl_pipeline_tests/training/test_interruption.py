"""SIGTERM: saved at the end of the step within a stage, the end at once elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from srl_pipeline.launchers.child import ASKED_TO_END
from srl_pipeline.training.optimization.policy_stage import STATE, last_complete_checkpoint
from srl_pipeline_tests.training.stage import STEPS, run_stage
from srl_pipeline_tests.training.world import adapter_weights, equal

ROOT = Path(__file__).parents[2]
LISTENING = "from srl_pipeline.training.interruption import *; import os, signal, time; listen(); "


def end_in_the_middle_of(step: int, student: Path, work: Path, **environment: str) -> int:
    """Run a stage in a process that gets the signal in ``step``; its exit status."""
    command = [sys.executable, "-m", "srl_pipeline_tests.training.stage", str(student), str(work), str(step), "term"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, timeout=120, check=False).returncode


@pytest.mark.chain
@pytest.mark.parametrize("step", [1, 2, STEPS])
def test_a_stage_that_is_asked_to_end_saves_that_step_and_goes_on_to_the_same_weights(
    student_folder: Path, tmp_path: Path, step: int
) -> None:
    whole = run_stage(student_folder, tmp_path / "whole")
    assert end_in_the_middle_of(step, student_folder, tmp_path / "w") == ASKED_TO_END
    saved = last_complete_checkpoint(tmp_path / "w" / "_checkpoints_srl")
    assert saved is not None and saved.name == f"checkpoint-{step}"
    assert json.loads((saved / STATE).read_text())["why_ended"] == ""
    assert not (tmp_path / "w" / "srl").exists()
    resumed = run_stage(student_folder, tmp_path / "w")
    assert equal(adapter_weights(resumed.adapter), adapter_weights(whole.adapter))
    assert [row["step"] for row in resumed.rows] == [row["step"] for row in whole.rows]


def test_where_nothing_is_to_be_saved_the_process_ends_at_once() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", LISTENING + "print('up', flush=True); time.sleep(60)"], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    asked = time.monotonic()
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == ASKED_TO_END
    assert time.monotonic() - asked < 10


def test_a_signal_in_the_last_moment_of_a_stage_is_not_lost() -> None:
    code = LISTENING + (
        "\nwith ending_by_itself():\n    os.kill(os.getpid(), signal.SIGTERM)\n    print('went on', flush=True)"
        "\nprint('too far', flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (ASKED_TO_END, b"went on\n")
