"""A stage ends when validation has stopped getting better."""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.contracts import Json
from srl_pipeline.training.optimization.observer import Observer, StageView
from srl_pipeline.training.rollouts.collector import Group


class Plateau(Observer):
    """Counts validations since the last one that was better than all before it, the start's included."""

    name = "plateau"

    def __init__(self, patience: int) -> None:
        self._patience, self._since = patience, 0
        self._best: float | None = None

    def resumed(self, view: StageView, state: Json) -> None:
        self._best, self._since = state

    def validated(self, step: int, groups: Sequence[Group]) -> dict[str, float]:
        reward = sum(group.scores[0].reward for group in groups) / len(groups)
        if self._best is None or reward > self._best:
            self._best, self._since = reward, 0
        else:
            self._since += 1
        return {}

    def stop(self, step: int) -> str:
        if self._since < self._patience:
            return ""
        return f"the validation reward has not risen above {self._best:.3f} in {self._since} validations"

    def state(self) -> Json:
        return [self._best, self._since]
