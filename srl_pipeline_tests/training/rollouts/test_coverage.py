"""Coverage: which prompts were sampled, which gave a gradient, and that nothing is lost in an interruption."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.policy_stage import _Stage
from srl_pipeline.training.rollouts.collector import Batch, Collector
from srl_pipeline.training.rollouts.coverage import (
    Coverage,
    CoverageAccount,
    Origin,
    coverage,
    coverage_file,
    figures,
)

from ..stage import run_stage
from ..world import SCENARIO, LetterTask

ORIGIN = Origin(trajectories=9, accepted=7)
FICKLE = LetterTask(keep=lambda prompt: prompt.key != "p1")


def prompt(key: str, scenario: str, step: int | None, difficulty: float) -> Prompt:
    return Prompt(
        key, [], SCENARIO.model_copy(update={"id": scenario, "difficulty": difficulty}), step, [], [], scenario
    )


PROMPTS = [
    prompt("a:0", "a", 0, 0.1),
    prompt("a:1", "a", 1, 0.1),
    prompt("b:0", "b", 0, 0.9),
    prompt("b:1", "b", 1, 0.9),
]


def found() -> Coverage:
    return coverage("srl", PROMPTS, Counter({"a:0": 2, "a:1": 1, "b:0": 3}), Counter({"a:0": 1}), ORIGIN)


def test_every_prompt_has_its_counts_also_one_that_was_never_sampled() -> None:
    assert [(p.key, p.sampled, p.kept) for p in found().prompts] == [
        ("a:0", 2, 1),
        ("a:1", 1, 0),
        ("b:0", 3, 0),
        ("b:1", 0, 0),
    ]


def test_the_figures_go_from_raw_trajectories_to_surviving_groups() -> None:
    assert figures(found()) == {
        "coverage_trajectories": 9,
        "coverage_accepted": 7,
        "coverage_prompts": 4,
        "coverage_scenarios": 2,
        "coverage_scenarios_kept": 1,
        "coverage_sampled": 0.75,
        "coverage_kept": 0.25,
        "coverage_kept_step_1": 0.5,
        "coverage_kept_step_2": 0.0,
        "coverage_kept_easy": 0.5,
        "coverage_kept_hard": 0.0,
    }


def test_whole_episodes_have_no_figures_by_step() -> None:
    episodes = [prompt("a", "a", None, 0.5)]
    assert not [name for name in figures(coverage("rlvr", episodes, Counter(), Counter(), ORIGIN)) if "step" in name]


def run(student_folder: Path, work: Path) -> dict[str, float]:
    return run_stage(student_folder, work, FICKLE, observers=[CoverageAccount(ORIGIN)]).metrics


def test_a_stage_leaves_a_plain_recount_of_its_groups(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Batch] = []
    collect = Collector.collect

    def watched(self: Collector, *args: Any) -> Batch:
        batches.append(collect(self, *args))
        return batches[-1]

    monkeypatch.setattr(Collector, "collect", watched)
    metrics = run(student_folder, tmp_path)
    account = Coverage.model_validate_json(coverage_file(tmp_path).read_bytes())
    sampled = Counter(g.prompt.key for b in batches for g in b.sampled)
    kept = Counter(g.prompt.key for b in batches for g in b.kept)
    assert {p.key: (p.sampled, p.kept) for p in account.prompts} == {
        key: (sampled[key], kept[key]) for key in ("p0", "p1", "p2", "p3", "p4", "p5")
    }
    assert sampled["p1"] > 0 == kept["p1"] and metrics["coverage_kept"] == len(kept) / 6


@pytest.mark.chain
def test_an_interrupted_stage_accounts_for_all_its_steps(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(student_folder, tmp_path / "whole")
    complete = _Stage.complete_checkpoint

    def dying(self: Any, folder: Path) -> None:
        if self.trainer.state.global_step == 3:
            raise KeyboardInterrupt
        complete(self, folder)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(_Stage, "complete_checkpoint", dying)
        run(student_folder, tmp_path / "cut")
    assert run(student_folder, tmp_path / "cut") == whole
    assert json.loads(coverage_file(tmp_path / "cut").read_text()) == json.loads(
        coverage_file(tmp_path / "whole").read_text()
    )
