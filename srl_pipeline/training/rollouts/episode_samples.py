"""Episodes of the student on training scenarios, kept for the teacher: what it gets wrong is what to teach next.

``episodes.jsonl``: a line a scenario, ``{"scenario", "correct", "steps_ok", "actions"}``: the latest failed episode
that has a right step before its first error, if there is any, else the latest failed one that could be read at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Json
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.optimization.observer import Observer, StageView

if TYPE_CHECKING:
    from srl_pipeline.training.environment.tasks import Task
    from srl_pipeline.training.rollouts.collector import Batch, Group

MOST = 2_000
"""Scenarios kept; later ones push out the earliest."""


def episodes_file(folder: Path) -> Path:
    """Where an artifact holds them."""
    return folder / "episodes.jsonl"


class EpisodeKeeper(Observer):
    """Keeps a failed episode a scenario, of all that RLVR samples."""

    name = "episodes"

    def __init__(self, task: Task) -> None:
        self._task = task
        self._kept: dict[str, dict[str, Json]] = {}

    def resumed(self, view: StageView, state: Json) -> None:
        self._kept = {row["scenario"]: row for row in state}

    def sampled(self, step: int, batch: Batch) -> dict[str, float]:
        for group in batch.sampled:
            for row in _failed(self._task, group):
                self._keep(row)
        return {}

    def state(self) -> Json:
        return list(self._kept.values())

    def ended(self, view: StageView) -> dict[str, float]:
        write_durably(episodes_file(view.work), "".join(dumps(row) + "\n" for row in self._kept.values()))
        return {"episodes_kept": float(len(self._kept))} if self._kept else {}

    def _keep(self, row: dict[str, Any]) -> None:
        known = self._kept.get(row["scenario"])
        if known is not None and known["steps_ok"] > 0 and row["steps_ok"] == 0:
            return
        self._kept.pop(row["scenario"], None)
        self._kept[row["scenario"]] = row
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]


def _failed(task: Task, group: Group) -> Iterable[dict[str, Any]]:
    for completion, score in zip(group.completions, group.scores, strict=True):
        if score.correct:
            continue
        found = task.explain(group.prompt, completion.text)
        right = next((i for i, result in enumerate(found.results) if not result.hard_ok), len(found.results))
        if found.steps:
            yield {
                "scenario": group.prompt.scenario.id,
                "correct": False,
                "steps_ok": right,
                "actions": [step.action for step in found.steps],
            }
