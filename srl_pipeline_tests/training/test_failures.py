"""A full disk and too little memory: the reason, the mend, and a run that goes on afterwards."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from srl_pipeline.errors import GateError, TrainingError
from srl_pipeline.training.failures import as_training_error, clean_failures
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.optimization.policy_stage import PolicyOutcome, _Stage, last_complete_checkpoint
from srl_pipeline.training.students import policy_weights

from .stage import STEPS, run_stage
from .world import TIMES, adapter_weights, equal


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/model.safetensors")


def from_torch() -> RuntimeError:
    """As torch.save tells it: its writer's own words, the reason only in the context."""
    error = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")
    error.__context__ = full()
    return error


FULL: dict[str, Exception] = {
    "the system": full(),
    "a quota": OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    "safetensors": SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    "torch": from_torch(),
    "a copy of a folder": shutil.Error([("from", "to", "[Errno 28] No space left on device: 'to'")]),
    "torch without a reason": RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
}
NO_MEMORY: dict[str, Exception] = {
    "python": MemoryError(),
    "the system": OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    "a gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "windows": RuntimeError("not enough memory: you tried to allocate 4000 bytes."),
}


@pytest.mark.parametrize("source", FULL)
def test_a_full_disk_is_told_as_one_whoever_says_it(tmp_path: Path, source: str) -> None:
    error = as_training_error(FULL[source], "srl_checkpoint", tmp_path)
    assert error and ("disk" in error.what) and "checkpoint is kept" in error.what and "Free space" in error.mend


def test_the_file_that_did_not_fit_is_named(tmp_path: Path) -> None:
    told = as_training_error(full(), "srl_checkpoint", tmp_path)
    unnamed = as_training_error(FULL["safetensors"], "srl_checkpoint", tmp_path)
    assert told and told.where == "/somewhere/model.safetensors" and unnamed and unnamed.where == str(tmp_path)


@pytest.mark.parametrize("source", NO_MEMORY)
def test_memory_that_ran_out_is_told_with_the_settings_to_lower(tmp_path: Path, source: str) -> None:
    error = as_training_error(NO_MEMORY[source], "rlvr_checkpoint", tmp_path)
    assert error and "Memory ran out" in error.what
    assert error.mend.startswith("Lower rlvr.micro_batch_size or rlvr.max_tokens")


def test_what_the_allocator_really_says_is_understood(tmp_path: Path) -> None:
    told = pytest.raises(TrainingError, match=r"Memory ran out(.|\n)*evaluation\.max_tokens")
    with told, clean_failures("eval_report", tmp_path):
        torch.zeros(10**15)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shape mismatch"),
        RuntimeError("[enforce fail at inline_container.cc:148] . PytorchStreamReader failed reading zip archive"),
        OSError(errno.ENOENT, "missing"),
        ValueError("out of memory"),
        GateError("No space left on device", where="here", mend="so"),
    ],
    ids=repr,
)
def test_other_errors_pass_as_they_are(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, clean_failures("srl_checkpoint", tmp_path):
        raise error
    assert caught.value is error


def part_then_full(folder: Path) -> None:
    """Write a piece of a file, as much as fits."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(b"\0" * 20)
    raise full()


def fill_disk(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """From now on the disk is full at this moment of a stage of four steps."""
    save: Callable[..., None] = policy_weights.save
    complete = _Stage.complete_checkpoint

    def saving(model: Any, student: Any, folder: Path) -> None:
        if folder.name == when:
            part_then_full(folder)
        save(model, student, folder)

    def completing(self: Any, folder: Path) -> None:
        if when == "state" and self.trainer.state.global_step == 3:
            (folder / "stage_state.json.tmp").write_text("{")
            raise full()
        complete(self, folder)

    monkeypatch.setattr(policy_weights, "save", saving)
    monkeypatch.setattr(_Stage, "complete_checkpoint", completing)


@pytest.fixture(scope="module")
def whole(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PolicyOutcome, Path]:
    work = tmp_path_factory.mktemp("whole")
    return run_stage(student_folder, work), work


def last_weights(work: Path) -> dict[str, torch.Tensor]:
    return adapter_weights(work / "_checkpoints_srl" / f"checkpoint-{STEPS}")


@pytest.mark.chain
@pytest.mark.parametrize(("when", "kept"), [("checkpoint-3", 2), ("state", 2), ("checkpoint-1", 0), ("_best-1", 0)])
def test_a_disk_that_fills_up_while_saving_keeps_the_last_checkpoint_and_the_run_goes_on_bit_for_bit(
    student_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: tuple[PolicyOutcome, Path],
    when: str,
    kept: int,
) -> None:
    with monkeypatch.context() as patched:
        fill_disk(patched, when)
        with pytest.raises(TrainingError, match="The disk is full"), clean_failures("srl_checkpoint", tmp_path):
            run_stage(student_folder, tmp_path)
    last = last_complete_checkpoint(tmp_path / "_checkpoints_srl")
    assert (last.name if last else "") == (f"checkpoint-{kept}" if kept else "")
    found = run_stage(student_folder, tmp_path)  # there is room again
    outcome, work = whole
    assert equal(last_weights(tmp_path), last_weights(work))
    assert equal(adapter_weights(found.adapter), adapter_weights(outcome.adapter))
    rows, wanted = ([{k: v for k, v in r.items() if k not in TIMES} for r in o.rows] for o in (found, outcome))
    assert rows == wanted and found.metrics == outcome.metrics


def test_rows_of_earlier_steps_survive_a_resume_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, "srl", 3)
    for step in (1.0, 2.0):
        journal.finish({"step": step})

    def no_space(*_: Any) -> None:
        raise full()

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(Exception, match="disk is full"):
        Journal(tmp_path, "srl", 3).resume(1)
    assert [row["step"] for row in journal.rows()] == [1.0, 2.0]
