"""What a student did, as its artifacts tell: on training scenarios, on the evaluation set, and where it went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from srl_pipeline.contracts import Action, Record
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.drawing.checked import checked_text
from srl_pipeline.generation.drawing.codes import Axes, AxisCodes
from srl_pipeline.generation.drawing.conditions import Conditions
from srl_pipeline.generation.drawing.outcomes import Outcome
from srl_pipeline.generation.drawing.records import FailedEpisode
from srl_pipeline.registry import StoredArtifact
from srl_pipeline.verification import ScenarioSpace


class _KeptEpisode(Record):
    """A line of episodes.jsonl."""

    scenario: str
    actions: list[Action]
    steps_ok: int = Field(ge=0)
    correct: bool


def outcomes_of_training(
    checkpoint: StoredArtifact, axes: Mapping[str, Axes], difficulty: Mapping[str, float]
) -> list[Outcome]:
    """Correct shares by training scenario, from the routing that RLVR leaves: while it ran, else before it.

    ``axes`` and ``difficulty`` are those of the scenarios of the generation, by id; others are left out.
    """
    from srl_pipeline.training.routing import Routing, routing_file

    text = checked_text(checkpoint, routing_file(Path()).name)
    if text is None:
        return []
    routing = Routing.model_validate_json(text)
    return [
        Outcome(
            axes=axes[found.scenario],
            difficulty=difficulty[found.scenario],
            correct=found.pass_rate,
            episodes=found.episodes,
        )
        for found in routing.after or routing.before
        if found.scenario in axes and found.episodes
    ]


def outcomes_of_report(report: StoredArtifact, space: ScenarioSpace) -> list[Outcome]:
    """The last stage's episodes on the evaluation set. To be read by axis value and difficulty only."""
    from srl_pipeline.evaluation.report import RESULTS
    from srl_pipeline.evaluation.results import EvaluationResults

    text = checked_text(report, RESULTS)
    stages = EvaluationResults.model_validate_json(text).stages if text else []
    codes = AxisCodes(space)
    conditions = Conditions(space, codes)
    outcomes: list[Outcome] = []
    for episode in stages[-1].episodes if stages else ():
        digits = codes.encode(episode.axes)
        if digits is None or not conditions.possible(digits):
            continue  # the pack has changed since
        outcomes.append(
            Outcome(
                axes=episode.axes, difficulty=conditions.difficulty(digits), correct=float(episode.correct), episodes=1
            )
        )
    return outcomes


def episodes_of(checkpoints: Iterable[StoredArtifact], axes: Mapping[str, Axes]) -> list[FailedEpisode]:
    """Wrong answers that began right, one a scenario of ``axes``; of several checkpoints the first one's counts."""
    from srl_pipeline.training.rollouts.episode_samples import episodes_file

    name, found = episodes_file(Path()).name, dict[str, FailedEpisode]()
    for checkpoint in checkpoints:
        text = checked_text(checkpoint, name) or ""
        for number, line in enumerate(text.splitlines(), start=1):
            episode = _parsed(line, f"{checkpoint.path / name}:{number}")
            if not episode.correct and episode.steps_ok and episode.scenario in axes:
                found.setdefault(episode.scenario, FailedEpisode(axes[episode.scenario], episode.actions))
    return list(found.values())


def _parsed(line: str, where: str) -> _KeptEpisode:
    try:
        return _KeptEpisode.model_validate(json.loads(line))
    except (ValidationError, ValueError) as error:
        raise ArtifactError(
            "A kept episode is not readable.", where=where, mend="Delete this artifact's folder and train again."
        ) from error
