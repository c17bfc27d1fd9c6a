"""Files of an artifact, read after their digest was checked. One that it never had is absent, and no error."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.canonical import digest_file
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import StoredArtifact


def checked_file(artifact: StoredArtifact, name: str) -> Path:
    """The file ``name`` of an artifact; raises ArtifactError when it is missing or altered."""
    file, expected = artifact.path / name, artifact.manifest.digests.get(name)
    if expected is None or not file.is_file() or digest_file(file) != expected:
        raise ArtifactError(
            f"File {name} is {'altered' if file.is_file() else 'missing'}.",
            where=str(file),
            mend="Delete this artifact's folder; the next run makes it again.",
        )
    return file


def checked_text(artifact: StoredArtifact, name: str) -> str | None:
    """The text of a file that the artifact may have; None where it was never part of it."""
    return checked_file(artifact, name).read_text(encoding="utf-8") if name in artifact.manifest.digests else None
