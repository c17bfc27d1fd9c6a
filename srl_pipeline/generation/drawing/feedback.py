"""From the artifacts of earlier generations to feedback: what was drawn, what the student did, which strategy paid.

Missing pieces are normal and are told: a generation may never have been trained, a report not be there yet. What is
there is read by columns and in batches, after its digest was checked; what is altered or malformed is an error.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any

from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.drawing.checked import checked_file, checked_text
from srl_pipeline.generation.drawing.codes import AxisCodes
from srl_pipeline.generation.drawing.duplicates import Content, DuplicateFilter, content_of
from srl_pipeline.generation.drawing.earlier import Earlier, EarlierGeneration, find_earlier, gains, newest_measured
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.generation.drawing.measured import episodes_of, outcomes_of_report, outcomes_of_training
from srl_pipeline.generation.drawing.mix import GenerationYield, StrategyCounts
from srl_pipeline.generation.drawing.records import Feedback
from srl_pipeline.generation.drawing.weak_slices import weak_slices_of
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.verification import ScenarioSpace

REMEMBERED = 4
"""Generations whose yields are read; an older one would weigh 1/16 or less."""
BATCH = 1024


@dataclass
class DrawnScenarios:
    """The scenarios of one generation, by id, and the strategy of each trajectory."""

    axes: dict[str, dict[str, str | float]] = field(default_factory=dict[str, "dict[str, str | float]"])
    difficulty: dict[str, float] = field(default_factory=dict[str, float])
    scenario_strategy: dict[str, str] = field(default_factory=dict[str, str])
    strategy: dict[str, str] = field(default_factory=dict[str, str])


def read_feedback(
    store: ArtifactStore, model_type: str, generation: int, space: ScenarioSpace, known: DuplicateFilter | None = None
) -> Feedback:
    """Everything that steers generation number ``generation``; nothing of it where there is none with a lower number.

    Args:
        known: Is told the content of every earlier trajectory.

    Raises ArtifactError when a file was altered or cannot be read.
    """
    earlier = find_earlier(store, model_type, generation)
    if known is not None:
        for one in known_trajectories(earlier):
            known.add(one)
    return feedback_of(earlier, space)


def feedback_of(earlier: Earlier, space: ScenarioSpace) -> Feedback:
    """What ``earlier`` says."""
    if not earlier.generations:
        return Feedback(used=["No earlier generation: every scenario is fresh."])
    history, used = History(AxisCodes(space)), list[str]()
    measured, recent = newest_measured(earlier), earlier.generations[-REMEMBERED:]
    found: dict[str, DrawnScenarios] = {}
    for generation in earlier.generations:
        drawn = _drawn(generation.trajectories)
        foreign = history.add_axes(drawn.axes.values())
        told = f", {foreign} of axis values that the pack no longer has" if foreign else ""
        name = _name(generation.trajectories)
        used.append(f"Generation {generation.number}: {len(drawn.axes)} scenarios of {name}{told}.")
        if generation is not measured:
            drawn.axes.clear()
        if generation in recent or generation is measured:
            found[generation.trajectories.data_version] = drawn
    changes = list(gains(earlier))[-REMEMBERED:]
    yields = [
        GenerationYield(g.number, _counts(g, found[g.trajectories.data_version]), gain)
        for g, gain in zip(recent, changes, strict=True)
    ]
    used += [_yield_told(g, y) for g, y in zip(recent, yields, strict=True)]
    last = Counter(found[recent[-1].trajectories.data_version].scenario_strategy.values())
    mix = {name: count / last.total() for name, count in last.items()}
    if measured is None or measured.rlvr is None:
        used.append("No earlier generation was trained to the end: weakness, difficulty and failures are unknown.")
        return Feedback(history=history, yields=yields, previous_mix=mix, used=used)
    drawn = found[measured.trajectories.data_version]
    outcomes = outcomes_of_training(measured.rlvr, drawn.axes, drawn.difficulty)
    held_out = outcomes_of_report(measured.report, space) if measured.report else []
    failed = episodes_of([a for a in (measured.rlvr, measured.srl) if a], drawn.axes)
    report = (
        f", {len(held_out)} held-out scenarios of {_name(measured.report)} by axis value" if measured.report else ""
    )
    used.append(
        f"The current student is {_name(measured.rlvr)}: {len(outcomes)} training scenarios{report}, "
        f"{len(failed)} failed episodes to repair."
    )
    weak = weak_slices_of(measured.weaknesses) if measured.weaknesses else []
    used.append(
        f"{_name(measured.weaknesses)}: {len(weak)} weak slices."
        if measured.weaknesses
        else "Its weaknesses were not looked for: no weak slice is known."
    )
    return Feedback(history, outcomes, held_out, failed, yields, mix, weak, used)


def known_trajectories(earlier: Earlier) -> Iterator[Content]:
    """The content of every earlier trajectory, for `DuplicateFilter`; one by one."""
    from srl_pipeline.generation.tables import TRAJECTORIES

    for generation in earlier.generations:
        for row in _rows(generation.trajectories, TRAJECTORIES, ("id", "scenario_id", "record")):
            record = json.loads(row["record"])
            artefact = {name: value for step in record["steps"] for name, value in step["action"].items()}
            yield content_of(row["id"], row["scenario_id"], record["scenario"]["axes"], artefact)


def _drawn(artifact: StoredArtifact) -> DrawnScenarios:
    from srl_pipeline.generation.tables import TRAJECTORIES

    found = DrawnScenarios()
    for row in _rows(artifact, TRAJECTORIES, ("id", "scenario_id", "axes", "difficulty", "strategy")):
        scenario = row["scenario_id"]
        found.strategy[row["id"]] = intern(row["strategy"])
        if scenario not in found.axes:
            found.axes[scenario] = json.loads(row["axes"])
            found.difficulty[scenario] = row["difficulty"]
            found.scenario_strategy[scenario] = row["strategy"]
    return found


def _counts(generation: EarlierGeneration, drawn: DrawnScenarios) -> dict[str, StrategyCounts]:
    """What came of each strategy in one generation."""
    from srl_pipeline.generation.data_card import CARD
    from srl_pipeline.generation.tables import REWARDS
    from srl_pipeline.training.rollouts.coverage import Coverage, coverage_file

    counts = {name: StrategyCounts(asked=n) for name, n in Counter(drawn.strategy.values()).items()}
    if generation.rewards:
        for row in _rows(generation.rewards, REWARDS, ("trajectory_id", "accepted")):
            if row["accepted"] and (name := drawn.strategy.get(row["trajectory_id"])):
                counts[name].accepted += 1
    else:  # not verified again yet: they were step by step, when they were made
        for one in counts.values():
            one.accepted = one.asked
    if (card := checked_text(generation.trajectories, CARD)) is not None:
        for row in json.loads(card)["strategies"]:  # what never became a trajectory has no row in the table
            counts.setdefault(row["name"], StrategyCounts()).asked += row["abandoned"] + row["duplicates"]
    for checkpoint in filter(None, (generation.srl, generation.rlvr)):
        text = checked_text(checkpoint, coverage_file(Path()).name)
        for prompt in Coverage.model_validate_json(text).prompts if text else ():
            of_trajectory = drawn.strategy.get(prompt.key.rpartition(":")[0])
            name = of_trajectory or drawn.scenario_strategy.get(prompt.scenario)
            if name and prompt.sampled:
                counts[name].sampled += 1
                counts[name].kept += prompt.kept > 0
    return counts


def _rows(artifact: StoredArtifact, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of a table of an artifact, only these columns, a batch at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(checked_file(artifact, name)) as table:
        if lacking := set(columns) - set(table.schema_arrow.names):
            raise ArtifactError(
                f"{name} has no column {min(lacking)!r}: an earlier version of this program wrote it.",
                where=str(artifact.path),
                mend="Delete this artifact's folder; what it drew may then be drawn again.",
            )
        for batch in table.iter_batches(BATCH, columns=list(columns)):
            yield from batch.to_pylist()


def _yield_told(generation: EarlierGeneration, found: GenerationYield) -> str:
    sources = [_name(a) for a in (generation.rewards, generation.srl, generation.rlvr, generation.report) if a]
    gain = "unknown" if found.gain is None else f"{found.gain:+.1%}"
    return f"Generation {found.generation}: yields from {', '.join(sources) or 'its table alone'}; pass rate {gain}."


def _name(artifact: StoredArtifact | None) -> str:
    return f"{artifact.manifest.asset}@{artifact.data_version}" if artifact else ""
