"""The local artifact store: ``<root>/<asset>/<model type>/<data version>/`` with a ``manifest.json``.

An artifact is built in a work folder beside its final place and moved there by one rename when its manifest is
written and flushed: what is visible is complete. Consumers go through `require`, which refuses a failed gate, a
missing or an altered file.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from srl_pipeline.canonical import digest_file, pretty
from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError, GateError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class StoredArtifact:
    """A committed artifact: its folder and its manifest."""

    path: Path
    manifest: Manifest

    @property
    def data_version(self) -> str:
        return self.manifest.data_version


class ArtifactStore:
    """Artifacts below one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def folder(self, asset: str, model_type: str, data_version: str) -> Path:
        """Where a committed artifact lies; refuses names that would lead out of the store."""
        for name in (asset, model_type, data_version):
            if name in ("", ".", "..") or Path(name).name != name:
                raise ArtifactError(
                    f"{name!r} cannot be part of an artifact's path.", where=str(self.root), mend="Use a plain name."
                )
        return self.root / asset / model_type / data_version

    def work_folder(self, asset: str, model_type: str, data_version: str) -> Path:
        """Where it is being built. Independent of any run id, so a retry finds what its predecessor saved."""
        path = self.root / "_work" / self.folder(asset, model_type, data_version).relative_to(self.root)
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def find(self, asset: str, model_type: str, data_version: str) -> StoredArtifact | None:
        """The committed artifact, or None. A manifest that cannot be read is an error, never 'absent'."""
        path = self.folder(asset, model_type, data_version)
        file = path / MANIFEST
        if not file.exists():
            return None
        try:
            with disk_errors(file):
                return StoredArtifact(path, Manifest.model_validate_json(file.read_bytes()))
        except ValidationError as error:
            raise ArtifactError(
                f"The manifest is not readable: {error.errors()[0]['msg']}",
                where=str(file),
                mend="Delete this artifact's folder; the next run makes it again.",
            ) from error

    def require(self, asset: str, model_type: str, data_version: str) -> StoredArtifact:
        """The artifact, for use: present, unaltered, every gate passed."""
        found = self.find(asset, model_type, data_version)
        if found is None:
            raise ArtifactError(
                f"Artifact {asset}[{model_type}] {data_version} does not exist.",
                where=str(self.folder(asset, model_type, data_version)),
                mend=f"Materialize {asset} for {model_type} first.",
            )
        if failed := found.manifest.failed_gates:
            raise GateError(
                f"{asset}[{model_type}] failed its gate {failed[0].name!r}: {failed[0].message}",
                where=str(found.path / MANIFEST),
                mend="Mend the cause and materialize it again; nothing downstream may use it.",
            )
        for name, expected in found.manifest.digests.items():
            file = found.path / name
            if not file.is_file() or digest_file(file) != expected:
                raise ArtifactError(
                    f"File {name} is {'altered' if file.is_file() else 'missing'}.",
                    where=str(file),
                    mend="Delete this artifact's folder; the next run makes it again.",
                )
        return found

    def commit(self, work: Path, manifest: Manifest) -> StoredArtifact:
        """Make a work folder the artifact: add digests, write the manifest, flush, rename.

        Files and folders whose name starts with ``_`` (checkpoints of an unfinished run) are left out.
        """
        target = self.folder(manifest.asset, manifest.model_type, manifest.data_version)
        existing = self.find(manifest.asset, manifest.model_type, manifest.data_version)
        if existing and not existing.manifest.failed_gates:
            return existing
        with disk_errors(target):
            for private in work.glob("_*"):
                shutil.rmtree(private) if private.is_dir() else private.unlink()
            files = sorted(p for p in work.rglob("*") if p.is_file() and p.name != MANIFEST)
            digests = {p.relative_to(work).as_posix(): digest_file(p) for p in files}
            text = pretty(manifest.model_copy(update={"digests": digests}).model_dump(mode="json"))
            write_durably(work / MANIFEST, text)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._clear(target)
            work.replace(target)
        return StoredArtifact(target, Manifest.model_validate_json(text))  # as any later reader sees it

    def _clear(self, target: Path) -> None:
        """Make way for a commit: what lies there failed its gates, or is what a crash left without a manifest."""
        if not target.exists():
            return
        (self.root / "_work").mkdir(parents=True, exist_ok=True)
        trash = Path(tempfile.mkdtemp(dir=self.root / "_work", prefix="trash-"))
        target.replace(trash / target.name)  # one rename, so that no half-removed artifact is ever visible
        shutil.rmtree(trash)

    def versions(self, asset: str, model_type: str) -> list[StoredArtifact]:
        """All committed versions, oldest first."""
        folder = self.root / asset / model_type
        names = sorted(p.parent.name for p in folder.glob(f"*/{MANIFEST}"))
        found = [a for name in names if (a := self.find(asset, model_type, name))]
        return sorted(found, key=lambda a: (a.manifest.created_at, a.data_version))


def write_durably(path: Path, text: str) -> None:
    """Write a small file so that after a crash it is either the old or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    with disk_errors(path):
        with temporary.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)


@contextmanager
def disk_errors(path: Path) -> Generator[None, None, None]:
    """Turn a full or read-only disk into an error that says so."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "The disk is full",
            errno.EDQUOT: "The disk quota is used up",
            errno.EROFS: "The disk is read-only",
            errno.EACCES: "Access is denied",
        }
        if error.errno not in reasons:
            raise
        raise ArtifactError(
            f"{reasons[error.errno]}; nothing half-written will be taken as complete.",
            where=str(error.filename or path),
            mend="Free space or grant access (SRL_HOME chooses the folder) and run again; finished work is kept.",
        ) from error
