from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.transcript import GRAMMAR_VERSION
from srl_pipeline.training.students.checkpoint import STUDENT, check_record, write_record
from srl_pipeline.training.students.policy_weights import load_trained, save, trainable
from srl_pipeline.training.students.student import Student

from ..world import FULL, LORA, load

TUNINGS = pytest.mark.parametrize("config", [LORA, FULL], ids=["lora", "full"])


def saved(student_folder: Path, folder: Path, config: Any) -> Path:
    student = load(student_folder)
    save(trainable(student, config, None, 1), student, folder)
    return folder


def rewrite(folder: Path, **changes: Any) -> None:
    record = json.loads((folder / STUDENT).read_text())
    (folder / STUDENT).write_text(json.dumps({k: v for k, v in (record | changes).items() if v is not None}))


@TUNINGS
def test_saved_weights_say_their_student_and_their_grammar(student_folder: Path, tmp_path: Path, config: Any) -> None:
    record = json.loads((saved(student_folder, tmp_path, config) / STUDENT).read_text())
    assert record["name"] == student_folder.name and record["grammar"] == GRAMMAR_VERSION


@TUNINGS
@pytest.mark.parametrize("version", [GRAMMAR_VERSION - 1, GRAMMAR_VERSION + 1])
def test_weights_of_another_grammar_are_refused_for_training_and_for_inference(
    student_folder: Path, tmp_path: Path, config: Any, version: int
) -> None:
    rewrite(saved(student_folder, tmp_path, config), grammar=version)
    for use in (
        lambda: trainable(load(student_folder), config, tmp_path, 1),
        lambda: load_trained(load(student_folder), tmp_path),
    ):
        with pytest.raises(TrainingError) as caught:
            use()
        assert f"grammar {version}" in caught.value.what and f"grammar {GRAMMAR_VERSION}" in caught.value.what
        assert caught.value.where == str(tmp_path / STUDENT) and "again" in caught.value.mend


@TUNINGS
def test_weights_from_elsewhere_have_no_record_and_are_taken(student_folder: Path, tmp_path: Path, config: Any) -> None:
    (saved(student_folder, tmp_path, config) / STUDENT).unlink()
    load_trained(load(student_folder), tmp_path)
    trainable(load(student_folder), config, tmp_path, 1)


@pytest.mark.parametrize(("changes", "told"), [({"grammar": None}, "grammar"), ({"grammar": "one"}, "grammar")])
def test_a_record_without_a_grammar_is_no_record(
    student: Student, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    write_record(tmp_path, student)
    rewrite(tmp_path, **changes)
    with pytest.raises(TrainingError, match=f"not readable: {told}"):
        check_record(tmp_path, student)


def test_a_record_that_is_cut_off_is_refused(student: Student, tmp_path: Path) -> None:
    (tmp_path / STUDENT).write_text("{")
    with pytest.raises(TrainingError, match="not readable") as caught:
        check_record(tmp_path, student)
    assert caught.value.where == str(tmp_path / STUDENT)


@TUNINGS
def test_weights_of_a_student_that_changed_under_the_same_name_are_refused(
    student_folder: Path, tmp_path: Path, config: Any
) -> None:
    folder = saved(student_folder, tmp_path / "trained", config)
    load_trained(load(student_folder), folder)
    changed = load(Path(shutil.copytree(student_folder, tmp_path / "cache" / student_folder.name)))
    with torch.no_grad():
        changed.model.lm_head.weight[0, 0] += 1
    changed.model.save_pretrained(changed.folder)
    for use in (lambda: trainable(changed, config, folder, 1), lambda: load_trained(changed, folder)):
        with pytest.raises(TrainingError, match=r"not those that this was trained on(.|\n)*mend"):
            use()
