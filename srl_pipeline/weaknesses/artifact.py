"""The `weaknesses` asset: ``weaknesses.json`` for machines, ``weaknesses.md`` for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from srl_pipeline.canonical import pretty
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Gate
from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation.current import read_current
from srl_pipeline.evaluation.report import read_results
from srl_pipeline.registry import (
    ArtifactStore,
    Built,
    Entry,
    Outcome,
    StoredArtifact,
    build_or_reuse,
    code_version,
)
from srl_pipeline.weaknesses.detect import Promoted, detect
from srl_pipeline.weaknesses.figures import promoted_figures, window_of
from srl_pipeline.weaknesses.page import slices_tested, weaknesses_markdown
from srl_pipeline.weaknesses.records import Weaknesses

ASSET = "weaknesses"
WEAKNESSES, PAGE = "weaknesses.json", "weaknesses.md"
ROOMS = (
    "weaknesses",
    *(f"evaluation/{name}.py" for name in ("latency", "results", "slices", "statistics")),
    "tracking",
)


def build_weaknesses(
    store: ArtifactStore,
    model_type: str,
    report: StoredArtifact,
    current: StoredArtifact | None,
    history: Sequence[Entry],
    config: PipelineConfig,
) -> Built:
    """Look for weaknesses and regressions, or find that it was done.

    The history is no part of the version: what it gave as baselines is in the notes.

    Args:
        report: The candidate's `eval_report`.
        current: The promoted model's `current_evaluation`; None where there is none.
        history: Entries of the model type; those of `eval_report` and `registered_model` are read.

    Raises ArtifactError when a file of an input is gone or cannot be read.
    """
    settings = config.weaknesses
    inputs = {"eval_report": report} | ({"current_evaluation": current} if current else {})

    def make(work: Path) -> Outcome:
        preset = str(report.manifest.notes.get("preset", ""))
        window = window_of(history, report.data_version, preset, settings.window)
        promoted = _promoted(current, history)
        found = detect(read_results(report.path), report.manifest.metrics, promoted, window, settings)
        versions = {**found.versions, **{name: artifact.data_version for name, artifact in inputs.items()}}
        return write_weaknesses(work, found.model_copy(update={"versions": versions}))

    return build_or_reuse(
        store,
        ASSET,
        model_type,
        inputs=inputs,
        # What the next generation makes of weaknesses changes none of them.
        config={"weaknesses": settings.model_dump(exclude={"steer"})},
        code=code_version(*ROOMS),
        make=make,
    )


def write_weaknesses(folder: Path, found: Weaknesses) -> Outcome:
    """Write both files into ``folder``."""
    (folder / WEAKNESSES).write_text(pretty(found.model_dump(mode="json")), encoding="utf-8")
    (folder / PAGE).write_text(weaknesses_markdown(found), encoding="utf-8")
    baselines = {
        figure.name: {"baseline": figure.baseline, "from": figure.baseline_from, "window": figure.series}
        for figure in found.figures
    }
    return Outcome(
        metrics={
            "weaknesses": float(len(found.found)),
            "weak_slices": float(sum(bool(one.part.where) for one in found.found)),
            "weakest_effect": max((one.effect for one in found.found), default=0.0),
            "regressions": float(len(found.regressions) + len(found.alarms)),
            "slices_tested": float(slices_tested(found)),
        },
        gates=[
            Gate(
                name="tested",
                passed=found.n > 0,
                value=float(found.n),
                threshold=1.0,
                message="" if found.n else "The evaluation has no scenario: nothing can be said of weaknesses.",
            )
        ],
        notes={
            "promoted": found.promoted,
            "baselines": baselines,
            "sentences": [one.sentence for one in (*found.found, *found.regressions, *found.alarms)],
        },
    )


def read_weaknesses(folder: Path) -> Weaknesses:
    """What an artifact of this asset says; raises ArtifactError when its file is gone or cannot be read."""
    file = folder / WEAKNESSES
    mend = f"Materialize {ASSET} again."
    if not file.is_file():
        raise ArtifactError(f"{WEAKNESSES} is gone.", where=str(file), mend=mend)
    try:
        return Weaknesses.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"{WEAKNESSES} is not readable: {place}: {first['msg']}", where=str(file), mend=mend
        ) from error


def _promoted(current: StoredArtifact | None, history: Sequence[Entry]) -> Promoted:
    if current is None:
        return Promoted()
    found = read_current(current)
    return Promoted(found.version, found.result, found.problem, promoted_figures(history, found.version))
