from __future__ import annotations

import logging
from pathlib import Path

import pytest

from srl_pipeline.training.journal import Journal


def told(folder: Path, total: int, caplog: pytest.LogCaptureFixture) -> str:
    with caplog.at_level(logging.INFO, logger="srl_pipeline"):
        Journal(folder, "srl", total).finish({"step": 2.0, "reward": 0.5})
    return caplog.messages[-1]


def test_a_step_is_told_with_progress_and_time_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = told(tmp_path, 4, caplog)
    assert line.startswith("srl 2/4  reward 0.500") and line.endswith("s left")


def test_where_the_number_of_steps_is_not_known_no_time_is_promised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = told(tmp_path, 0, caplog)
    assert line.startswith("srl 2  reward 0.500") and line.endswith("s/step")
