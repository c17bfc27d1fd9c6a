"""The `teacher_model` asset: which teacher, at which version, pinned as JSON."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Gate, TeacherRef
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.teachers.registry import teacher_ref

FILE = "teacher.json"


def build_teacher_pin(store: ArtifactStore, model_type: str, teacher: str) -> Built:
    """Pin a teacher's current version; raises TeacherError for an unknown name."""
    ref = teacher_ref(teacher)

    def make(work: Path) -> Outcome:
        write_durably(work / FILE, pretty(ref.model_dump()))
        return Outcome(metrics={}, gates=[Gate(name="teacher_known", passed=True)], notes={"teacher": ref.name})

    return build_or_reuse(
        store,
        "teacher_model",
        model_type,
        inputs={},
        config={"teacher": teacher},
        code="",
        make=make,
        data_version=ref.version,
    )


def pinned_teacher(artifact: StoredArtifact) -> TeacherRef:
    """The teacher that a pin names."""
    return TeacherRef.model_validate_json((artifact.path / FILE).read_bytes())
