from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.engine.cases import CASES, ROLLOUTS, Case, advantages, completions, expert_actions, prompts
from benchmarks.engine.nested import Nested
from benchmarks.engine.report import Figures, Whole, targets, to_json
from benchmarks.engine.rewards import Rewards, measure_rewards
from benchmarks.engine.rollouts import Rollouts
from benchmarks.engine.timing import Pair, side_by_side
from benchmarks.engine.update import Updates
from benchmarks.engine.whole_step import Steps

ROOT = Path(__file__).parents[2]


class Letters:
    """A token a letter. Named double of a tokenizer."""

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}


def figures(update: float = 9.0, memory: float = 100.0) -> Figures:
    pair = Pair([update, update], [1.0, 1.0])
    return Figures(
        [Updates(case, pair, 1e-7) for case in CASES],
        [Rollouts(case, 128, pair) for case in CASES],
        Rewards(10, 50.0, 0, pair),
        Whole(
            [Steps(case, 8, pair, stock_mb=1000.0, ours_mb=memory) for case in CASES], 0.001, Nested(5, 100, 50, pair)
        ),
    )


def missed(found: Figures) -> list[str]:
    return [t["name"] for t in targets(found) if not t["met"]]


def test_the_ratio_is_the_median_of_neighbours_in_time() -> None:
    assert Pair([2.0, 9.0, 4.0], [1.0, 3.0, 1.0]).ratio == 3.0


def test_both_are_called_in_turn_after_one_call_that_does_not_count() -> None:
    calls: list[str] = []
    pair = side_by_side(lambda: calls.append("stock"), lambda: calls.append("ours"), 2)
    assert calls == ["stock", "ours"] * 3 and len(pair.stock) == len(pair.ours) == 2


def test_every_target_is_met_by_figures_that_meet_it() -> None:
    assert missed(figures()) == []


def test_a_ratio_below_its_bound_is_a_target_missed() -> None:
    found = missed(figures(update=3.5))
    assert "update 400+64, times faster" in found and "update 200+48, times faster" not in found


def test_memory_is_a_share_of_stock_s() -> None:
    assert missed(figures(memory=601.0)) == [
        f"whole step {case.name}, peak memory as a share of stock's" for case in CASES
    ]


def test_a_quick_run_judges_only_what_must_be_equal() -> None:
    quick = replace(figures(update=1.0), whole=None)
    assert missed(quick) == []
    assert [t["bound"] for t in targets(replace(quick, updates=[Updates(CASES[0], Pair([1.0], [1.0]), 1e-3)]))] == [
        "<= 1e-05",
        "<= 0",
    ]
    assert missed(replace(quick, updates=[Updates(CASES[0], Pair([1.0], [1.0]), 1e-3)])) != []


def test_the_json_has_every_ratio_by_name() -> None:
    said = to_json({}, figures())
    assert json.loads(json.dumps(said))["targets"]["text reward, times faster"] == {
        "figure": 9.0,
        "bound": ">= 5",
        "met": True,
    }


def test_work_has_exactly_the_lengths_of_its_case() -> None:
    case = Case(50, 12)
    assert {len(p.ids) for p in prompts(Letters(), case, 5)} == {50}
    assert {len(c) for c in completions(Letters(), case, ROLLOUTS)} == {12}
    assert len({tuple(c) for c in completions(Letters(), case, ROLLOUTS)}) > 1


def test_advantages_have_mean_zero_in_each_group() -> None:
    found = advantages(3)
    assert (
        all(abs(sum(found[i * ROLLOUTS : (i + 1) * ROLLOUTS])) < 1e-9 for i in range(3)) and len(expert_actions()) > 9
    )


def test_the_rewards_compared_are_the_very_same_numbers() -> None:
    found = measure_rewards(60, 1)
    assert found.different == 0 and found.mean_length > 50 and found.times.ratio > 1


@pytest.mark.slow
def test_the_quick_benchmark_runs_and_writes_its_ratios(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/training.py", "--quick", "--json", str(tmp_path / "found.json")]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"SRL_HOME": str(tmp_path)}, check=False)
    assert done.returncode == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["targets"]["text reward, values that differ from difflib's"]["met"]
    assert found["targets"]["update 64+16, gradient gap in float32"]["met"]
