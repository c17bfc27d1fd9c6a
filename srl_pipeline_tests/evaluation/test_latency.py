"""Latency: what is timed, and what the percentiles are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.config import EvaluationConfig
from srl_pipeline.evaluation.episodes import _alone, evaluate_checkpoint
from srl_pipeline.evaluation.latency import latency, percentile
from srl_pipeline.model_types import load_pack
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.training.world import load, prompts, write_student


def test_percentiles_are_nearest_rank() -> None:
    values = [float(i) for i in range(20, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [10, 19, 20, 20]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.001, 1))
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-6
    below = [v for v in values if v < found]
    assert not below or sum(v <= max(below) for v in values) < share * len(values) + 1e-6


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_there_is_no_percentile_of_nothing_or_beyond_all(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, share)


def test_speed_is_tokens_over_the_time_of_all_requests() -> None:
    found = latency([1.0, 3.0], 200)
    assert found is not None and (found.tokens_per_second, found.n) == (50.0, 2)


def test_without_requests_there_is_no_latency() -> None:
    assert latency([], 0) is None


def test_requests_are_timed_one_at_a_time_after_an_untimed_one() -> None:
    asked: list[list[str]] = []

    def solve(prompts: Sequence[Any]) -> list[list[Completion]]:
        asked.append(list(prompts))
        return [[Completion([1, 2, 3], "", True, [])] for _ in prompts]

    prompts: Any = ["a", "b"]
    latencies, tokens = _alone(solve, prompts)
    assert asked == [["a"], ["a"], ["b"]]
    assert (len(latencies), tokens) == (2, 6)


def test_a_student_is_timed_on_the_first_scenarios_and_answers_as_without(tmp_path: Path) -> None:
    student = load(write_student(tmp_path / "student"))
    asked, config = prompts(student, 3), EvaluationConfig(max_tokens=16)
    verifier = Verifier(load_pack("buildings"))

    def evaluated(timed: int) -> Any:
        return evaluate_checkpoint(
            "rlvr", "v", student.model, student.tokenizer, verifier, asked, config, latency_scenarios=timed
        )

    timed, untimed, beyond = evaluated(2), evaluated(0), evaluated(9)
    assert len(timed.latencies) == 2 and all(0 < seconds < 60 for seconds in timed.latencies)
    assert 2 <= timed.latency_tokens <= 2 * 16
    assert timed.episodes == untimed.episodes
    assert (untimed.latencies, untimed.latency_tokens) == ([], 0)
    assert len(beyond.latencies) == 3
