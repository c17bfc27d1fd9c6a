"""What may watch a policy stage: journal columns, metrics, gates, a reason to stop. One class, one thing watched.

Observers never change what is trained. Their state lies in every checkpoint, so that a resumed run ends with the same
figures as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_pipeline.contracts import Gate, Json

if TYPE_CHECKING:
    from srl_pipeline.config import PolicyConfig
    from srl_pipeline.training.environment.prompts import Prompt
    from srl_pipeline.training.rollouts.collector import Batch, Collector, Group


@dataclass(frozen=True)
class StageView:
    """What an observer may look at.

    Attributes:
        name: srl or rlvr.
        work: Folder of the artifact that is being made; files left there become part of it.
        validation: Held-back prompts.
        trainer: The PolicyTrainer, its sampler among it.
    """

    name: str
    config: PolicyConfig
    work: Path
    validation: Sequence[Prompt]
    collector: Collector
    trainer: Any


class Observer:
    """Watches one stage; every hook may be left as it is."""

    name = ""
    """Key of its state in a checkpoint."""

    def begun(self, view: StageView) -> None:
        """Before the first step, with the weights that the stage begins with; not called when a run is resumed."""

    def resumed(self, view: StageView, state: Json) -> None:
        """Instead of `begun`, with what `state` returned when the checkpoint was written."""

    def sampled(self, step: int, batch: Batch) -> dict[str, float]:
        """After the rollouts of optimizer step ``step``; returns columns for the journal."""
        return {}

    def validated(self, step: int, groups: Sequence[Group]) -> dict[str, float]:
        """After greedy answers (groups of one) to the held-back prompts; returns columns for the journal."""
        return {}

    def stop(self, step: int) -> str:
        """After optimizer step ``step``: why the stage should end, or nothing."""
        return ""

    def state(self) -> Json:
        """JSON that `resumed` is given after an interruption."""
        return None

    def ended(self, view: StageView) -> dict[str, float]:
        """When the stage is over, with the weights that it keeps; returns metrics of the artifact."""
        return {}

    def gates(self) -> list[Gate]:
        """Gates of the artifact; asked after `ended`."""
        return []
