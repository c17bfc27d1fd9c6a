"""Students as candidates: measured by the evaluation reports that there are. Nothing is trained for a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srl_pipeline.canonical import digest
from srl_pipeline.config import PipelineConfig, SelectionConfig
from srl_pipeline.errors import ArtifactError, GateError, StudentError
from srl_pipeline.evaluation.report import read_results
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.lore import lore_data_version
from srl_pipeline.model_types import Pack
from srl_pipeline.promotion import trace
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.selection.records import Candidate, Measurement
from srl_pipeline.training.students.student import check_student

REPORT = "eval_report"


@dataclass(frozen=True)
class Reports:
    """The newest report of each student under the rules and the lore of now.

    Attributes:
        pins: Those versions, by asset.
    """

    by_student: dict[str, StoredArtifact]
    pins: Mapping[str, str]


def pins_of_now(pack: Pack, config: PipelineConfig) -> dict[str, str]:
    """The data versions that `rule_set` and `lore_index` of the pack have as it is now, made or not."""
    return {"rule_set": pack.definition.version, "lore_index": lore_data_version(pack, config.lore)}


def newest_reports(store: ArtifactStore, pack: Pack, config: PipelineConfig) -> Reports:
    """By the pins of now, and not those of the newest report: rules that come back find their old one.

    Raises ArtifactError when a manifest cannot be read, EmbedderError when the lore's embedder has no weights.
    """
    pins = pins_of_now(pack, config)
    versions = store.versions(REPORT, pack.name)
    alike = [v for v in versions if all(v.manifest.inputs.get(asset) == pin for asset, pin in pins.items())]
    return Reports({name: v for v in alike if (name := student_of(v))}, pins)


def student_of(report: StoredArtifact) -> str:
    """The name of the student that a report is of; empty where it says none."""
    student = report.manifest.config.get("student")
    name = student.get("name") if isinstance(student, dict) else None
    return name if isinstance(name, str) else ""


def student_candidate(name: str, reports: Reports) -> Candidate:
    """A student, by its newest report, and whether it is still there to be trained."""
    report = reports.by_student.get(name)
    return Candidate(name=name, version=report.data_version if report else "", problem=student_problem(name))


def student_problem(name: str) -> str:
    """Why a student cannot be trained; empty where it can."""
    try:
        check_student(name)
    except StudentError as error:
        return error.what
    return ""


def measure_students(
    store: ArtifactStore, model_type: str, names: Sequence[str], reports: Reports, config: SelectionConfig
) -> dict[str, Measurement]:
    """By name. A student that has no report, or one that may not be used, is not measured, and that is said."""
    return {name: _measure(store, model_type, name, reports, config) for name in names}


def student_fingerprint(store: ArtifactStore, pack: Pack, config: PipelineConfig, incumbent: str | None = None) -> str:
    """Hash of all that calls for a new check when it changes: students, their reports of now, constraints.

    ``incumbent`` is ``student.name`` when left out. Raises ArtifactError when a manifest cannot be read.
    """
    holds, reports = incumbent or config.student.name, newest_reports(store, pack, config)
    names = sorted({*config.selection.students, holds})
    return digest(
        {
            "incumbent": holds,
            "students": {name: student_candidate(name, reports).model_dump(mode="json") for name in names},
            "selection": config.selection.model_dump(mode="json", exclude={"candidates", "tasks"}),
        }
    )


def chain_usd(store: ArtifactStore, report: StoredArtifact) -> float | None:
    """US dollars that all that a report rests on has cost, the report included; None where a part of it is gone."""
    try:
        return sum(made.cost_usd for made in trace(store, report.manifest.model_type, {REPORT: report.data_version}))
    except ArtifactError:
        return None


def _measure(
    store: ArtifactStore, model_type: str, name: str, reports: Reports, config: SelectionConfig
) -> Measurement:
    report = reports.by_student.get(name)
    if report is None:
        why = "It has no evaluation report under the rules and the lore of now: run "
        return _without(name, "", f"{why}'srl-pipeline run {model_type} --set student.name={name}'.")
    try:
        usable = store.require(REPORT, model_type, report.data_version)
        stages = read_results(usable.path).stages
        usd = chain_usd(store, usable)
    except (ArtifactError, GateError) as error:
        return _without(name, report.data_version, error.what)
    if not stages:
        return _without(name, report.data_version, "Its report has no stage.")
    episodes, metrics = stages[-1].episodes, usable.manifest.metrics
    accepted = sum(e.correct for e in episodes)
    return Measurement(
        candidate=name,
        version=report.data_version,
        tasks=len(episodes),
        accepted=accepted,
        solved={e.scenario_id: e.correct for e in episodes},
        pass_rate=wilson(accepted, len(episodes)),
        usd_total=usd,
        usd_per_accepted=None if usd is None else usd / config.accepted_per_month,
        latency_p50_seconds=metrics.get("latency_p50_seconds"),
        latency_p95_seconds=metrics.get("latency_p95_seconds"),
    )


def _without(name: str, version: str, why: str) -> Measurement:
    return Measurement(candidate=name, version=version, hindrance="unmeasured", problem=why)
