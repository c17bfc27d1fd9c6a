"""Where a stage is made, and what its training process is not told."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import pytest

from srl_pipeline.contracts import StageRequest
from srl_pipeline.defs import stages
from srl_pipeline.defs.making import Making
from srl_pipeline.errors import TeacherError

TEACHERS = """
version: 1
teachers:
  search: {kind: search}
  hosted:
    kind: openai
    model: some
    api_key_env: LECTURER_KEY
    price: {input: 1.00, output: 4.00, as_of: 2026-01-31}
    terms: {training_allowed: true, source: "a contract", as_of: 2026-01-31}
responsibilities: {default: search}
"""


class AnyMaking:
    """A making of which only the run's context is asked for."""

    context = None


def withheld_by_a_launch(monkeypatch: pytest.MonkeyPatch) -> Collection[str]:
    told: dict[str, Any] = {}
    monkeypatch.setattr(stages, "run_locally", lambda context, request, **rest: told.update(rest))
    stages.launch(cast("Making", AnyMaking()), cast("StageRequest", None))
    return told["withheld"]


@pytest.fixture
def teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "teachers.yaml"
    monkeypatch.setenv("SRL_TEACHERS", str(file))
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    return file


def test_a_training_on_this_machine_is_not_told_the_teachers_keys(
    teachers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teachers.write_text(TEACHERS, encoding="utf-8")
    assert list(withheld_by_a_launch(monkeypatch)) == ["LECTURER_KEY"]


def test_nothing_is_trained_while_it_is_not_known_which_variables_are_keys(
    teachers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teachers.write_text("teachers: [", encoding="utf-8")
    with pytest.raises(TeacherError, match=r"teachers\.yaml"):
        withheld_by_a_launch(monkeypatch)
