"""Work folders saved in a bucket, so that another machine goes on from them.

Below ``<prefix>/_saved/<asset>/<model type>/<data version>/`` lie ``index.json``, written last, and each file by its
content, ``files/<digest>``: a machine that is taken away in the middle of a save leaves the save before it whole. A
service that copies a folder file by file, as training services do with checkpoints, can leave half of one.

An index is replaced, never removed: what is done is replaced by an empty one. Objects here are short-lived, the
bucket's life cycle removes them.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from uuid import uuid4

from pydantic import ValidationError

from srl_pipeline.canonical import digest_file, pretty
from srl_pipeline.contracts import Record
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.artifacts import disk_errors, write_durably
from srl_pipeline.registry.s3_bucket import Bucket

log = logging.getLogger("srl_pipeline")
SAVED = "_saved"
MARK = "_saved.json"
"""In a work folder: the save that it holds at least."""
_NOT_SAVED = (MARK, "_peer_")
_MEND = "Delete this object: the work begins anew."


class SavedWork(Record):
    """What was saved: name of a file in the work folder -> digest of its content. ``save`` is new each time."""

    save: str
    files: dict[str, str]


class SavedFolder:
    """The saves of one work folder, below one key of a bucket."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket, self._key = bucket, key

    def save(self, work: Path) -> None:
        """Upload what changed since the last save, then the index; raises ArtifactError and leaves the last save."""
        with disk_errors(work):
            before = _mark(work)
            names = {p.relative_to(work).as_posix(): p for p in sorted(work.rglob("*")) if p.is_file()}
            kept = {name: file for name, file in names.items() if not name.startswith(_NOT_SAVED)}
            files = {name: digest_file(file) for name, file in kept.items()}
            there = set(before.files.values()) if before else set[str]()
            self._bucket.upload({self._file(d): kept[n] for n, d in files.items() if d not in there})
            self._note(work, SavedWork(save=uuid4().hex, files=files))

    def restore(self, work: Path) -> bool:
        """Make the work folder what was saved, unless it came from that save already; whether it was changed.

        A save whose files have passed the bucket's life cycle is told in the log, and the work begins anew. Raises
        ArtifactError for a save that is damaged.
        """
        found = self._bucket.read(self._index)
        if found is None:
            return False
        saved = self._read(found.data)
        with disk_errors(work):
            if not saved.files or _mark(work) == saved or not self._is_whole(saved):
                return False
            with tempfile.TemporaryDirectory(dir=work.parent, prefix="_restore-", ignore_cleanup_errors=True) as folder:
                copy = Path(folder) / work.name
                files = {name: copy / name for name in saved.files}
                for file in files.values():
                    file.parent.mkdir(parents=True, exist_ok=True)
                self._download(saved, files)
                write_durably(copy / MARK, _text(saved))
                shutil.rmtree(work, ignore_errors=True)
                copy.replace(work)
        return True

    def clear(self, work: Path) -> None:
        """The work is done: nothing is to be gone on from. Costs nothing where nothing was saved from ``work``."""
        if _mark(work) is not None:
            self._note(work, SavedWork(save=uuid4().hex, files={}))

    @property
    def _index(self) -> str:
        return f"{self._key}/index.json"

    def _file(self, digest: str) -> str:
        return f"{self._key}/files/{digest}"

    def _note(self, work: Path, saved: SavedWork) -> None:
        """Two machines that save at once train the same: whichever is last is as good."""
        self._bucket.put(self._index, _text(saved).encode())
        write_durably(work / MARK, _text(saved))

    def _is_whole(self, saved: SavedWork) -> bool:
        there = set(self._bucket.keys(self._file("")))
        gone = [name for name, digest in saved.files.items() if self._file(digest) not in there]
        if gone:
            where = self._bucket.url(self._index)
            log.warning("%d files of %s are gone (their time was over): the work begins anew", len(gone), where)
        return not gone

    def _download(self, saved: SavedWork, files: dict[str, Path]) -> None:
        first: dict[str, str] = {}
        for name, digest in saved.files.items():
            first.setdefault(digest, name)
        self._bucket.download({self._file(digest): files[name] for digest, name in first.items()})
        for name, digest in saved.files.items():
            if first[digest] != name:
                shutil.copyfile(files[first[digest]], files[name])
            elif digest_file(files[name]) != digest:
                raise ArtifactError(
                    f"The saved file {name} is altered.", where=self._bucket.url(self._index), mend=_MEND
                )

    def _read(self, data: bytes) -> SavedWork:
        where = self._bucket.url(self._index)
        try:
            saved = SavedWork.model_validate_json(data)
        except ValidationError as error:
            raise ArtifactError("The index of saved work is not readable.", where=where, mend=_MEND) from error
        for name in saved.files:
            path = PurePosixPath(name)
            if "\0" in name or path.is_absolute() or ".." in path.parts or str(path) != name or name in (".", MARK):
                raise ArtifactError(f"The index names a file outside of its folder: {name!r}.", where=where, mend=_MEND)
        return saved


def _mark(work: Path) -> SavedWork | None:
    """The save that a work folder holds at least; None where there is none, or none that can be read."""
    try:
        return SavedWork.model_validate_json((work / MARK).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _text(saved: SavedWork) -> str:
    return pretty(saved.model_dump(mode="json"))
