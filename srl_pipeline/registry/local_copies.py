"""Copies on this machine of artifacts that are kept elsewhere: whole or not there, and never taken on trust."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Manifest
from srl_pipeline.registry.artifact_rules import MANIFEST, put_in_place
from srl_pipeline.registry.artifacts import StoredArtifact, altered, disk_errors, write_durably


def is_here(folder: Path, manifest: Manifest) -> bool:
    """Whether a copy is of this manifest and has all files. Whether they are unaltered is not looked at."""
    try:
        same = Manifest.model_validate_json((folder / MANIFEST).read_bytes()) == manifest
    except (FileNotFoundError, ValueError):  # not there, or altered
        return False
    return same and all((folder / name).is_file() for name in manifest.digests)


def is_sound(folder: Path, manifest: Manifest) -> bool:
    """Whether a copy is as the artifact was made: every file is read."""
    return is_here(folder, manifest) and altered(StoredArtifact(folder, manifest)) is None


def fetch(folder: Path, manifest: Manifest, work: Path, download: Callable[[dict[str, Path]], None]) -> str | None:
    """Make a copy beside its place, verify it, and put it there by one rename; processes may do so at the same time.

    Args:
        folder: Where the copy is to lie.
        work: A folder of the same disk.
        download: Fills files, given by their names in the artifact.

    Returns:
        The first file that did not arrive as the manifest has it; then nothing was put anywhere. Else None.
    """
    with disk_errors(folder):
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work, prefix="fetch-", ignore_cleanup_errors=True) as temporary:
            copy = Path(temporary) / folder.name
            copy.mkdir()
            files = {name: copy / name for name in manifest.digests}
            for file in files.values():
                file.parent.mkdir(parents=True, exist_ok=True)
            download(files)
            if (wrong := altered(StoredArtifact(copy, manifest))) is not None:
                return wrong
            write_durably(copy / MANIFEST, pretty(manifest.model_dump(mode="json")))
            put_in_place(copy, folder, work, lambda: is_sound(folder, manifest))
    return None
