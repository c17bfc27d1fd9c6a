"""What the student gets wrong is kept for the teacher, one episode a scenario."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from srl_pipeline.contracts import Step, StepResult
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Explanation
from srl_pipeline.training.rollouts.collector import NO_SIGNAL, Batch, Group
from srl_pipeline.training.rollouts.episode_samples import MOST, EpisodeKeeper, episodes_file
from srl_pipeline.training.rollouts.sampling import Completion

from ..world import SCENARIO


class MarkedTask:
    """A test double: the text holds a letter a step, r for right and w for wrong; anything else cannot be read."""

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        steps = [Step(title="t", reasoning="", action={"n": i}) for i, mark in enumerate(text) if mark in "rw"]
        results = [
            StepResult(step=i, structure_ok=mark == "r", violations=[], compliance=1.0) for i, mark in enumerate(text)
        ]
        return Explanation(steps, results[: len(steps)], None)


def group(scenario: str, *texts: str) -> Group:
    prompt = Prompt(scenario, [], SCENARIO.model_copy(update={"id": scenario}), None, [], [])
    completions = [Completion([], text, True, []) for text in texts]
    scores = [Score(0.0, True, "w" not in text and "x" not in text) for text in texts]
    return Group(prompt, completions, scores, NO_SIGNAL)


def kept(tmp_path: Path, *groups: Group) -> dict[str, dict[str, Any]]:
    keeper = EpisodeKeeper(MarkedTask())  # type: ignore[arg-type]
    for each in groups:
        keeper.sampled(1, Batch([], [each], 1))
    again = EpisodeKeeper(MarkedTask())  # type: ignore[arg-type]
    again.resumed(SimpleNamespace(), json.loads(json.dumps(keeper.state())))  # type: ignore[arg-type]
    again.ended(SimpleNamespace(work=tmp_path))  # type: ignore[arg-type]
    rows = [json.loads(line) for line in episodes_file(tmp_path).read_text().splitlines()]
    return {row["scenario"]: row for row in rows}


def test_a_failed_episode_is_kept_with_the_number_of_steps_before_its_first_error(tmp_path: Path) -> None:
    rows = kept(tmp_path, group("a", "rrwr"))
    assert rows["a"] == {"scenario": "a", "correct": False, "steps_ok": 2, "actions": [{"n": i} for i in range(4)]}


def test_a_correct_episode_is_nothing_to_repair(tmp_path: Path) -> None:
    assert kept(tmp_path, group("a", "rrr")) == {}


def test_an_episode_that_cannot_be_read_at_all_is_not_kept(tmp_path: Path) -> None:
    assert kept(tmp_path, group("a", "x")) == {}


def test_the_latest_failure_with_a_right_step_stays(tmp_path: Path) -> None:
    rows = kept(tmp_path, group("a", "rw", "rrw"), group("a", "w"))
    assert rows["a"]["steps_ok"] == 2


def test_no_more_scenarios_are_kept_than_the_bound(tmp_path: Path) -> None:
    rows = kept(tmp_path, *(group(f"s{i}", "rw") for i in range(MOST + 3)))
    assert len(rows) == MOST
    assert "s0" not in rows
    assert f"s{MOST + 2}" in rows
