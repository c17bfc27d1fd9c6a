"""The artifact store: ``<root>/<asset>/<model type>/<data version>/`` with a ``manifest.json``, in a local folder.

An artifact is built in a work folder beside its final place and moved there by one rename when its manifest is
written and flushed: what is visible is complete. Consumers go through `require`, which refuses a failed gate, a
missing or an altered file. `s3_store` keeps the same promises in a bucket; `places` chooses.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.canonical import digest_file
from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.artifact_rules import (
    MANIFEST,
    check_names,
    contents,
    drop_private,
    finished,
    names_of,
    put_in_place,
    read_manifest,
    refuse_failed,
)

REMOVED = "removed-"
"""What the folders begin with in which removed artifacts await their end."""
_MEND = "Delete this artifact's folder; the next run makes it again."
_RUST = re.compile(r"\(os error (\d+)\)")


@dataclass(frozen=True)
class Stored:
    """What a version takes: bytes of its files, and when the newest of them was written (seconds since 1970)."""

    size: int
    changed: float


@dataclass(frozen=True)
class StoredArtifact:
    """A committed artifact: the folder of its files on this machine, and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def path(self) -> Path:
        """The folder, its files in it. Of a store elsewhere they are fetched now; raises ArtifactError."""
        return self.folder

    @property
    def data_version(self) -> str:
        return self.manifest.data_version


class ArtifactStore:
    """Artifacts below one root folder.

    Attributes:
        root: The folder of this machine below which artifacts, work folders, locks and logs lie.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def address(self) -> str:
        """What `places.store_at` opens this store by, in another process."""
        return str(self.root)

    @property
    def home(self) -> Path:
        """The installation's folder on this machine: students and caches lie beside the artifacts."""
        return self.root.parent

    def place(self, asset: str, model_type: str, data_version: str) -> str:
        """Where a committed artifact is kept, for people."""
        return str(self.folder(asset, model_type, data_version))

    def folder(self, asset: str, model_type: str, data_version: str) -> Path:
        """Where an artifact's files lie on this machine; refuses names that would lead out of the store."""
        check_names((asset, model_type, data_version), self.address)
        return self.root / asset / model_type / data_version

    def work_folder(self, asset: str, model_type: str, data_version: str) -> Path:
        """Where it is being built. Independent of any run id, so a retry finds what its predecessor saved."""
        path = self._work / self.folder(asset, model_type, data_version).relative_to(self.root)
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def save_work(self, asset: str, model_type: str, data_version: str) -> None:
        """Keep what is in a work folder now where any machine finds it that makes the same artifact.

        Here the folder itself is that place.
        """

    def find(self, asset: str, model_type: str, data_version: str) -> StoredArtifact | None:
        """The committed artifact, or None. A manifest that cannot be read is an error, never 'absent'."""
        path = self.folder(asset, model_type, data_version)
        file = path / MANIFEST
        with disk_errors(file):
            try:
                data = file.read_bytes()
            except (FileNotFoundError, NotADirectoryError):  # not there, or removed while a list of versions is read
                return None
        return StoredArtifact(path, read_manifest(data, str(file), _MEND))

    def require(self, asset: str, model_type: str, data_version: str) -> StoredArtifact:
        """The artifact, for use: present on this machine, unaltered, every gate passed."""
        found = self.find(asset, model_type, data_version)
        place = self.place(asset, model_type, data_version)
        if found is None:
            raise ArtifactError(
                f"Artifact {asset}[{model_type}] {data_version} does not exist.",
                where=place,
                mend=f"Materialize {asset} for {model_type} first.",
            )
        refuse_failed(found.manifest, f"{place}/{MANIFEST}")
        self._make_usable(found)
        return found

    def missing(self, artifact: StoredArtifact) -> list[str]:
        """Files of an artifact that are gone from the store. Whether the others are unaltered is not looked at."""
        return [name for name in artifact.manifest.digests if not (artifact.folder / name).is_file()]

    def commit(self, work: Path, manifest: Manifest) -> StoredArtifact:
        """Make a work folder the artifact: add digests, write the manifest, flush, rename.

        Files and folders whose name starts with ``_`` (checkpoints of an unfinished run) are left out. An artifact that
        passed its gates stands, also where another process commits it at the same time; one that failed is replaced.
        """
        names = names_of(manifest)
        target = self.folder(*names)
        if existing := self._standing(*names):
            return existing
        with disk_errors(target):
            text = finished(manifest, contents(work))
            write_durably(work / MANIFEST, text)
            drop_private(work)  # after all that needs room: a full disk must not cost the checkpoints
            placed = put_in_place(work, target, self._work, lambda: self._standing(*names) is not None)
        made = StoredArtifact(target, Manifest.model_validate_json(text))  # as any later reader sees it
        return made if placed else self._standing(*names) or made

    def versions(self, asset: str, model_type: str) -> list[StoredArtifact]:
        """All committed versions, oldest first."""
        folder = self.folder(asset, model_type, "any").parent
        names = sorted(p.parent.name for p in folder.glob(f"*/{MANIFEST}"))
        return oldest_first([a for name in names if (a := self.find(asset, model_type, name))])

    def shelves(self) -> list[tuple[str, str]]:
        """Asset and model type of everything that is kept."""
        return sorted((model_type.parent.name, model_type.name) for model_type in self.root.glob("[!_]*/*/"))

    def stored(self, asset: str, model_type: str, data_version: str) -> Stored:
        """What a version takes in the store, whether it is complete or not."""
        folder = self.folder(asset, model_type, data_version)
        files = [p.stat() for p in folder.rglob("*") if p.is_file()]
        changed = max((f.st_mtime for f in files), default=folder.stat().st_mtime if folder.exists() else 0.0)
        return Stored(size=sum(f.st_size for f in files), changed=changed)

    def names(self, asset: str, model_type: str) -> list[str]:
        """Versions of which there is anything, also without a manifest: what a removal or a commit left that died."""
        return sorted(p.name for p in self.folder(asset, model_type, "any").parent.glob("*/"))

    def remove(self, asset: str, model_type: str, data_version: str) -> None:
        """Remove a version for good: at every moment it is there as a whole, or not there. Absent ones are no error.

        Whoever asks has made sure that nothing rests on it: `srl_pipeline.retention`.
        """
        folder = self.folder(asset, model_type, data_version)
        with disk_errors(folder):
            self._work.mkdir(parents=True, exist_ok=True)
            removed = Path(tempfile.mkdtemp(dir=self._work, prefix=REMOVED))
            with suppress(FileNotFoundError):  # another process removed it
                folder.replace(removed / folder.name)
            shutil.rmtree(removed, ignore_errors=True)  # what stays is no artifact, and goes with the next cleaning

    @property
    def _work(self) -> Path:
        return self.root / "_work"

    def _standing(self, asset: str, model_type: str, data_version: str) -> StoredArtifact | None:
        """The artifact that no commit replaces: it is there and passed its gates."""
        found = self.find(asset, model_type, data_version)
        return found if found and not found.manifest.failed_gates else None

    def _make_usable(self, artifact: StoredArtifact) -> None:
        """Raise ArtifactError where a file is missing or altered."""
        if (name := altered(artifact)) is not None:
            file = artifact.folder / name
            raise ArtifactError(
                f"File {name} is {'altered' if file.is_file() else 'missing'}.", where=str(file), mend=_MEND
            )


def altered(artifact: StoredArtifact) -> str | None:
    """The first file that is not in the artifact's folder, or not with the content of its manifest."""
    for name, expected in artifact.manifest.digests.items():
        file = artifact.folder / name
        if not file.is_file() or digest_file(file) != expected:
            return name
    return None


def oldest_first(artifacts: list[StoredArtifact]) -> list[StoredArtifact]:
    """In the order in which they were made."""
    return sorted(artifacts, key=lambda a: (a.manifest.created_at, a.data_version))


def write_durably(path: Path, text: str) -> None:
    """Write a small file so that after a crash it is either the old or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    with disk_errors(path):
        with temporary.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)


def error_number(error: BaseException) -> int:
    """The operating system's number; 0 where there is none. Libraries in Rust write it into the text."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = _RUST.search(str(error))
    return int(told[1]) if told else 0


@contextmanager
def disk_errors(path: Path) -> Generator[None, None, None]:
    """Turn a full, read-only or failing disk into an error that says so, also where a library in Rust tells of it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reasons = {
            errno.ENOSPC: "The disk is full",
            errno.EDQUOT: "The disk quota is used up",
            errno.EROFS: "The disk is read-only",
            errno.EACCES: "Access is denied",
            errno.EIO: "The disk reports an error",
        }
        reason = reasons.get(error_number(error))
        if reason is None:
            raise
        raise ArtifactError(
            f"{reason}; nothing half-written will be taken as complete.",
            where=str(getattr(error, "filename", None) or path),
            mend="Free space, grant access or mend the disk, then run again (SRL_HOME chooses the folder); "
            "finished work is kept.",
        ) from error
