from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.training.preflight import ROLLOUTS, format_rate
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.student import Student
from srl_pipeline.training.warmup import run_warmup

from .room import SOLUTIONS, Room, Writer, warmup_config
from .world import adapted, load


def rate(room: Any) -> float:
    return format_rate(room)


@pytest.fixture(scope="module")
def schooled(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Student:
    """A student that knows the solutions by heart."""
    student = load(student_folder)
    model, writer = adapted(student), Writer(student.tokenizer)
    config = warmup_config(steps=80)
    run_warmup(student, model, writer, SOLUTIONS, config, tmp_path_factory.mktemp("school"), 1)  # type: ignore[arg-type]
    return dataclasses.replace(student, model=model.eval())


def test_a_student_that_cannot_follow_the_format_has_rate_0(student_folder: Path) -> None:
    assert rate(Room(student_folder)) == 0.0


def test_a_student_that_can_has_rate_1(student_folder: Path, schooled: Student) -> None:
    room = Room(student_folder, student=schooled)
    room.config = room.config.model_copy(update={"srl": room.config.srl.model_copy(update={"temperature": 0.2})})
    assert rate(room) == 1.0


def test_the_rate_is_the_same_every_time_and_is_told(
    student_folder: Path, schooled: Student, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(student_folder, student=schooled)
    with caplog.at_level(logging.INFO, logger="srl_pipeline"):
        first, second = rate(room), rate(room)
    assert first == second
    assert f"of {len(SOLUTIONS) * ROLLOUTS} first steps" in caplog.text


def test_first_steps_are_sampled_at_the_training_temperature(
    student_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    sample = Sampler.sample

    def watched(self: Sampler, *args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["temperature"])
        return sample(self, *args, **kwargs)

    monkeypatch.setattr(Sampler, "sample", watched)
    room = Room(student_folder)
    rate(room)
    assert asked == [room.config.srl.temperature]
