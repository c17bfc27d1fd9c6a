"""The file of step samples: what a student can write, it can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.training.step_records import StepSamples, read_samples, samples_name, samples_text

from ..evaluation.step_builders import answer, answers, prompt, samples


def written(folder: Path, given: StepSamples) -> StepSamples:
    (folder / samples_name(given.stage)).write_text(samples_text(given), encoding="utf-8")
    return read_samples(folder, given.stage)


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    given = samples("srl", prompt(0), prompt(1, end=None))
    assert written(tmp_path, given) == given


@pytest.mark.parametrize(
    "value", [10**300, -(10**17), 1e308, 1e-320, True, None, "", "</script>\n\u202e", [1], {"a": []}, [[["x"]]]]
)
def test_any_value_that_a_student_can_write_is_kept(tmp_path: Path, value: Any) -> None:
    given = samples("srl", prompt(0, begin=answers(answer({"stone": value, "odd key \0": value}))))
    [found] = written(tmp_path, given).prompts[0].begin.sampled
    assert found.steps[0].action.keys() == {"stone", "odd key \0"}
    kept = found.steps[0].action["stone"]
    assert kept == (pytest.approx(value) if isinstance(value, float) else value)


def test_half_a_character_that_no_file_can_hold_becomes_a_question_mark(tmp_path: Path) -> None:
    given = samples("srl", prompt(0, begin=answers(answer({"stone": "a\ud800"}))))
    assert written(tmp_path, given).prompts[0].begin.sampled[0].steps[0].action == {"stone": "a?"}


def test_missing_samples_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"samples of rlvr are missing(.|\n)*steps_rlvr\.json(.|\n)*mend"):
        read_samples(tmp_path, "rlvr")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"stage":"srl","temperature":1,"prompts":[],"more":1}'])
def test_damaged_samples_are_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "steps_srl.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"steps_srl\.json is not readable"):
        read_samples(tmp_path, "srl")
