from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.transcript import GRAMMAR_VERSION
from srl_pipeline.training.students.adapters import WEIGHTS, check_adapter, difference
from srl_pipeline.training.students.checkpoint import STUDENT
from srl_pipeline.training.students.student import Student, student_identity
from srl_pipeline.training.warmup import run_warmup

from .room import SOLUTIONS, Writer, warmup_config
from .world import adapted, load


def warm(student_folder: Path, work: Path, *, seed: int = 1, model: Any = None, **changes: Any) -> dict[str, float]:
    work.mkdir(exist_ok=True)
    student = load(student_folder)
    writer: Any = Writer(student.tokenizer)
    given = model or adapted(student)
    return run_warmup(student, given, writer, SOLUTIONS, warmup_config(**changes), work, seed)


def saved(work: Path) -> bytes:
    return (work / "warmup" / WEIGHTS).read_bytes()


def test_the_warm_up_lowers_the_loss_on_what_can_be_learned_by_heart(student_folder: Path, tmp_path: Path) -> None:
    metrics = warm(student_folder, tmp_path, steps=40)
    assert metrics["loss_last"] < metrics["loss_first"] / 5
    assert difference(tmp_path / "warmup", None) > 0


def test_every_step_has_a_row_and_the_tokens_are_those_of_the_answers(student_folder: Path, tmp_path: Path) -> None:
    metrics = warm(student_folder, tmp_path, steps=3)
    rows = [json.loads(line) for line in (tmp_path / "metrics_warmup.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert metrics["loss_first"] == rows[0]["loss"] and metrics["loss_last"] == rows[-1]["loss"]
    writer = Writer(load(student_folder).tokenizer)
    answers = [len(writer.transcript(t)[1]) for t in SOLUTIONS]
    assert metrics["trained_tokens"] == 3 * sum(answers)  # every solution once a step


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(student_folder: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(name) + seed)  # whatever state the process is in
        warm(student_folder, tmp_path / name, seed=seed, batch_size=2)
    assert saved(tmp_path / "a") == saved(tmp_path / "b") != saved(tmp_path / "c")


def test_what_an_interrupted_warm_up_left_does_not_count(student_folder: Path, tmp_path: Path) -> None:
    warm(student_folder, tmp_path / "a")
    work = tmp_path / "b"
    (work / "_warmup").mkdir(parents=True)
    (work / "_warmup_adapter").mkdir()
    (work / "metrics_warmup.jsonl").write_text('{"loss":9,"step":1}\n{"loss":8,"st')
    assert warm(student_folder, work)["loss_first"] != 9
    assert saved(work) == saved(tmp_path / "a")


def test_the_size_of_micro_batches_does_not_change_what_is_learned(student_folder: Path, tmp_path: Path) -> None:
    one, four = (
        warm(student_folder, tmp_path / str(size), steps=2, batch_size=4, micro_batch_size=size) for size in (1, 4)
    )
    assert one["loss_last"] == pytest.approx(four["loss_last"], rel=1e-3)


def test_the_adapter_says_which_student_it_belongs_to(student_folder: Path, tmp_path: Path, student: Student) -> None:
    warm(student_folder, tmp_path, steps=1)
    check_adapter(tmp_path / "warmup", student)
    record = json.loads((tmp_path / "warmup" / STUDENT).read_text())
    assert record == {
        "name": student_folder.name,
        "identity": student_identity(student_folder),
        "grammar": GRAMMAR_VERSION,
    }


def test_a_loss_that_is_no_number_stops_and_leaves_no_adapter(student_folder: Path, tmp_path: Path) -> None:
    model = adapted(load(student_folder))
    with torch.no_grad():
        next(p for p in model.parameters() if p.requires_grad)[0, 0] = math.nan
    with pytest.raises(TrainingError, match=r"loss is not a number(.|\n)*mend"):
        warm(student_folder, tmp_path, model=model)
    assert not (tmp_path / "warmup").exists()
