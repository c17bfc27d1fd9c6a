"""The artifact store in a bucket: ``<prefix>/<asset>/<model type>/<data version>/``.

There lie ``manifest.json``, written last and on condition that nobody else wrote it, and each file by its content,
``files/<digest>/<name>``. So two processes that commit one version at the same time never mix their files, a crash
leaves nothing visible, and what replaces a failed artifact does not touch it before the manifest is swapped. What is
removed loses its manifest first.

On this machine an artifact lies below ``<home>/artifacts-cache/<bucket>/<prefix>/``: fetched when it is used, verified
as the local store verifies, and fetched again where it was altered. Work folders lie there too; what makes an artifact
saves its own in the bucket (`s3_saved`), and whoever makes it next goes on from that.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

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
)
from srl_pipeline.registry.artifacts import (
    ArtifactStore,
    Stored,
    StoredArtifact,
    disk_errors,
    oldest_first,
    write_durably,
)
from srl_pipeline.registry.local_copies import fetch, is_here, is_sound
from srl_pipeline.registry.s3_bucket import CONNECTIONS, Bucket
from srl_pipeline.registry.s3_saved import SAVED, SavedFolder

log = logging.getLogger("srl_pipeline")
CACHE = "artifacts-cache"
"""Its name in an installation's folder."""
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[^/]+)*)/?")
_ATTEMPTS = 20
_MEND = "Delete this artifact's manifest.json; the next run makes it again."
_told: set[str] = set()
"""Buckets of which this process said that they keep no versions."""


@dataclass(frozen=True)
class S3Artifact(StoredArtifact):
    """An artifact whose files are fetched when `path` is asked for; its manifest is at hand."""

    fetch: Callable[[], None] = field(compare=False, repr=False)

    @property
    def path(self) -> Path:
        self.fetch()
        return self.folder


class S3ArtifactStore(ArtifactStore):
    """Artifacts below one prefix of a bucket.

    Attributes:
        bucket: What it asks S3 by.
    """

    def __init__(self, address: str, home: Path) -> None:
        """Nothing is asked of S3 yet.

        Args:
            address: ``s3://bucket/prefix``; the prefix may be left out.
            home: The installation's folder on this machine.

        Raises ArtifactError for another address.
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ArtifactError(
                f"{address!r} is no place for artifacts.", where="SRL_STORE", mend="Write s3://bucket/prefix."
            )
        bucket, self._prefix = found[1], found[2].removeprefix("/")
        parts = self._prefix.split("/") if self._prefix else []
        check_names(parts, address)
        super().__init__(home.joinpath(CACHE, bucket, *parts))
        self._home = home.absolute()
        self.bucket = Bucket(bucket)

    @property
    def address(self) -> str:
        return self.bucket.url(self._prefix).removesuffix("/")

    @property
    def home(self) -> Path:
        return self._home

    def key(self, *names: str) -> str:
        """The key of what is called so below the store's prefix."""
        return "/".join([*([self._prefix] if self._prefix else []), *names])

    def place(self, asset: str, model_type: str, data_version: str) -> str:
        return self.bucket.url(self._key(asset, model_type, data_version))

    def work_folder(self, asset: str, model_type: str, data_version: str) -> Path:
        work = super().work_folder(asset, model_type, data_version)
        if self._saved(asset, model_type, data_version).restore(work):
            log.info("%s[%s] %s: goes on from what another machine saved", asset, model_type, data_version)
        return work

    def save_work(self, asset: str, model_type: str, data_version: str) -> None:
        work = super().work_folder(asset, model_type, data_version)
        self._saved(asset, model_type, data_version).save(work)

    def find(self, asset: str, model_type: str, data_version: str) -> StoredArtifact | None:
        found = self._read(asset, model_type, data_version)
        return found[0] if found else None

    def missing(self, artifact: StoredArtifact) -> list[str]:
        there = set(self.bucket.keys(self._key(*names_of(artifact.manifest), "files", "")))
        return [name for name, key in self._file_keys(artifact.manifest).items() if key not in there]

    def commit(self, work: Path, manifest: Manifest) -> StoredArtifact:
        """Make a work folder the artifact: upload its files, then the manifest; then it is this machine's copy too.

        Checkpoints of the work folder are kept until then, so that a network that breaks costs no training.
        """
        names = names_of(manifest)
        standing = self._read(*names)
        if standing and not standing[0].manifest.failed_gates:
            return standing[0]
        with disk_errors(work):
            files = contents(work)
            text = finished(manifest, files)
        ours = Manifest.model_validate_json(text)
        self._warn_of_no_versions()
        self.bucket.upload({key: files[name] for name, key in self._file_keys(ours).items()})
        for _ in range(_ATTEMPTS):
            etag = standing[1] if standing else None
            if self.bucket.write(self._key(*names, MANIFEST), text.encode(), replacing=etag):
                break
            standing = self._read(*names)
            if standing and (not standing[0].manifest.failed_gates or standing[0].manifest.digests == ours.digests):
                return standing[0]
        else:
            raise ArtifactError(
                "Other processes keep writing the same artifact.",
                where=self.place(*names),
                mend="Let one of them finish; run again.",
            )
        self._saved(*names).clear(work)
        with disk_errors(work):
            drop_private(work)
            write_durably(work / MANIFEST, text)
            put_in_place(work, self.folder(*names), self._work, lambda: is_here(self.folder(*names), ours))
        return self._artifact(ours)

    def versions(self, asset: str, model_type: str) -> list[StoredArtifact]:
        prefix = self._key(asset, model_type, "any").removesuffix("any")
        names = list(self.bucket.folders(prefix))
        check_names(names, self.bucket.url(prefix))
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            found = list(pool.map(self.find, repeat(asset), repeat(model_type), names))
        return oldest_first([artifact for artifact in found if artifact])

    def shelves(self) -> list[tuple[str, str]]:
        below = [self.key(asset, "") for asset in self.bucket.folders(self.key("")) if not asset.startswith("_")]
        return sorted((key.split("/")[-2], name) for key in below for name in self.bucket.folders(key))

    def stored(self, asset: str, model_type: str, data_version: str) -> Stored:
        found = list(self.bucket.objects(self._key(asset, model_type, data_version, "")))
        return Stored(size=sum(one.size for one in found), changed=max((one.changed for one in found), default=0.0))

    def names(self, asset: str, model_type: str) -> list[str]:
        return sorted(self.bucket.folders(self.key(asset, model_type, "")))

    def remove(self, asset: str, model_type: str, data_version: str) -> None:
        """Remove the manifest, then the files, then this machine's copy.

        A machine that commits the same version meanwhile counts on files that go here: then its manifest goes, too,
        nothing is accepted that is not whole, and the next run makes it again.
        """
        names = asset, model_type, data_version
        manifest = self._key(*names, MANIFEST)
        self.bucket.delete([manifest])
        self.bucket.delete([one.key for one in self.bucket.objects(self._key(*names, "files", ""))])
        if (again := self.find(*names)) and self.missing(again):
            self.bucket.delete([manifest])
        super().remove(*names)

    def _saved(self, asset: str, model_type: str, data_version: str) -> SavedFolder:
        check_names((asset, model_type, data_version), self.address)
        return SavedFolder(self.bucket, self.key(SAVED, asset, model_type, data_version))

    def _key(self, asset: str, model_type: str, data_version: str, *more: str) -> str:
        check_names((asset, model_type, data_version), self.address)
        return self.key(asset, model_type, data_version, *more)

    def _file_keys(self, manifest: Manifest) -> dict[str, str]:
        """File of an artifact -> its key."""
        names = names_of(manifest)
        return {name: self._key(*names, "files", digest, name) for name, digest in manifest.digests.items()}

    def _read(self, asset: str, model_type: str, data_version: str) -> tuple[StoredArtifact, str] | None:
        """The artifact and its manifest's ETag, or None; one request."""
        key = self._key(asset, model_type, data_version, MANIFEST)
        found = self.bucket.read(key)
        if found is None:
            return None
        manifest = read_manifest(found.data, self.bucket.url(key), _MEND)
        if names_of(manifest) != (asset, model_type, data_version):
            raise ArtifactError("The manifest is of another artifact.", where=self.bucket.url(key), mend=_MEND)
        return self._artifact(manifest), found.etag

    def _artifact(self, manifest: Manifest) -> StoredArtifact:
        folder = self.folder(*names_of(manifest))
        return S3Artifact(folder, manifest, lambda: None if is_here(folder, manifest) else self._fetch(manifest))

    def _make_usable(self, artifact: StoredArtifact) -> None:
        """Fetch what is not here, or not as it was made."""
        if not is_sound(artifact.folder, artifact.manifest):
            self._fetch(artifact.manifest)

    def _fetch(self, manifest: Manifest) -> None:
        keys = self._file_keys(manifest)

        def download(files: dict[str, Path]) -> None:
            self.bucket.download({keys[name]: file for name, file in files.items()})

        if (wrong := fetch(self.folder(*names_of(manifest)), manifest, self._work, download)) is not None:
            raise ArtifactError(f"File {wrong} is altered.", where=self.bucket.url(keys[wrong]), mend=_MEND)

    def _warn_of_no_versions(self) -> None:
        if self.bucket.name in _told:
            return
        _told.add(self.bucket.name)
        try:
            kept = self.bucket.keeps_versions()
        except ArtifactError as error:
            log.warning("Whether bucket %s keeps old versions of objects is not known. %s", self.bucket.name, error)
            return
        if not kept:
            log.warning("Bucket %s keeps no old versions: what is overwritten or deleted is gone.", self.bucket.name)
