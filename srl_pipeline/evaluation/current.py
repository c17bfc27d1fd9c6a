"""What the `current_evaluation` asset says: the current model's answers under today's rules and lore."""

from __future__ import annotations

from dataclasses import dataclass

from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation.results import StageResult
from srl_pipeline.registry import StoredArtifact

ASSET = "current_evaluation"
RESULT = "current.json"


@dataclass(frozen=True)
class Current:
    """The current model, as far as it can be judged.

    Attributes:
        version: Data version of its `registered_model`; empty where no model is current, or the candidate's own is.
        result: Its answers to the held-out scenarios; None where there are none.
        problem: Why there are none, although a model is current; else empty.
    """

    version: str
    result: StageResult | None
    problem: str


def read_current(artifact: StoredArtifact) -> Current:
    """What an artifact of this asset says; raises ArtifactError when its file is gone."""
    version, problem = (str(artifact.manifest.notes.get(name, "")) for name in ("registered_model", "problem"))
    if not version or problem:
        return Current(version, None, problem)
    file = artifact.path / RESULT
    if not file.is_file():
        raise ArtifactError(f"{RESULT} is gone.", where=str(file), mend=f"Materialize {ASSET} again.")
    return Current(version, StageResult.model_validate_json(file.read_bytes()), "")
