"""The `teacher_model` asset: which teacher, at which version, pinned as JSON."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import pretty
from srl_pipeline.clock import now_iso
from srl_pipeline.contracts import Gate, TeacherRef
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.teachers.catalog import old_dates
from srl_pipeline.teachers.registry import responsible_teacher, teacher_entry, teacher_ref

FILE = "teacher.json"
log = logging.getLogger("srl_pipeline")


def build_teacher_pin(store: ArtifactStore, model_type: str, teacher: str) -> Built:
    """Pin a teacher's current version, and its entry as it was then; empty: the teacher that is responsible.

    Raises TeacherError for an unknown name. An entry holds no secret: of a key it has the variable's name.
    """
    name = responsible_teacher(teacher, model_type)
    ref, entry = teacher_ref(name), teacher_entry(name)
    warnings = old_dates(entry, date.fromisoformat(now_iso()[:10]))
    for warning in warnings:
        log.warning("teacher %s: %s", name, warning)

    def make(work: Path) -> Outcome:
        pinned: dict[str, Any] = {"teacher": ref.model_dump(), "entry": entry.model_dump(mode="json")}
        write_durably(work / FILE, pretty(pinned))
        return Outcome(
            metrics={},
            gates=[Gate(name="teacher_known", passed=True)],
            notes={"teacher": ref.name, "warnings": warnings},
        )

    return build_or_reuse(
        store,
        "teacher_model",
        model_type,
        inputs={},
        config={"teacher": name},
        code="",
        make=make,
        data_version=ref.version,
    )


def pinned_teacher(artifact: StoredArtifact) -> TeacherRef:
    """The teacher that a pin names."""
    return TeacherRef.model_validate(json.loads((artifact.path / FILE).read_bytes())["teacher"])
