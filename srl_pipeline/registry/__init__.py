"""Artifacts with manifests: what was made, from what, whether it may be used."""

from srl_pipeline.registry.artifacts import ArtifactStore, StoredArtifact
from srl_pipeline.registry.builder import Built, Outcome, build_or_reuse
from srl_pipeline.registry.versions import artifact_version, code_version

__all__ = [
    "ArtifactStore",
    "Built",
    "Outcome",
    "StoredArtifact",
    "artifact_version",
    "build_or_reuse",
    "code_version",
]
