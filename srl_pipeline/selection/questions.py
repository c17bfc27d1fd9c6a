"""Who is to be responsible for what: the candidates, and how they are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.config import PipelineConfig
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.selection.measure import measure_teachers
from srl_pipeline.selection.records import Candidate, Measurement, Responsibility
from srl_pipeline.selection.students import (
    measure_students,
    newest_reports,
    student_candidate,
    student_fingerprint,
)
from srl_pipeline.selection.tasks import draw_tasks
from srl_pipeline.selection.teachers import incumbent_teacher, named, teacher_candidate, teacher_fingerprint
from srl_pipeline.verification import pin_pack


@dataclass(frozen=True)
class Measured:
    """Candidates, figures by name, and versions of what they were measured on."""

    candidates: list[Candidate]
    figures: Mapping[str, Measurement]
    versions: dict[str, str]


@dataclass(frozen=True)
class Question:
    """Who is to be responsible for a model type?

    Attributes:
        fingerprint: By who is responsible.
        measure: By the seed of the tasks; raises PipelineError where nobody can be measured.
    """

    kind: Responsibility
    model_type: str
    incumbent: str
    config: PipelineConfig
    fingerprint: Callable[[str], str]
    measure: Callable[[str], Measured]


def teacher_question(home: Path, store: ArtifactStore, pack: Pack, config: PipelineConfig) -> Question:
    """Who is to teach?"""
    incumbent = incumbent_teacher(config, pack.name)

    def measure(seed: str) -> Measured:
        candidates = [teacher_candidate(name) for name in named(config.selection.candidates, incumbent)]
        asked = pin_pack(store, pack)
        tasks = draw_tasks(store, asked, config, seed)
        figures = measure_teachers(candidates, tasks, asked, config, home)
        return Measured(candidates, figures, {"rule_set": tasks.rule_set, "lore_index": tasks.lore_index})

    def fingerprint(name: str) -> str:
        return teacher_fingerprint(pack.name, config, name)

    return Question("teacher", pack.name, incumbent, config, fingerprint, measure)


def student_question(store: ArtifactStore, pack: Pack, config: PipelineConfig) -> Question:
    """Which student is to be trained?"""
    incumbent = config.student.name

    def measure(seed: str) -> Measured:
        reports = newest_reports(store, pack, config)
        names = named(config.selection.students, incumbent)
        figures = measure_students(store, pack.name, names, reports, config.selection)
        return Measured([student_candidate(name, reports) for name in names], figures, dict(reports.pins))

    def fingerprint(name: str) -> str:
        return student_fingerprint(store, pack, config, name)

    return Question("student", pack.name, incumbent, config, fingerprint, measure)
