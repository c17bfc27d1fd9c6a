"""Test-only: what the tests of all artifact stores share. A `Place` is where artifacts are; homes are its machines."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from srl_pipeline.contracts import Gate, Manifest
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.registry.places import open_store
from srl_pipeline.registry.s3_bucket import Bucket

NAMES = ("poems", "lanterns", "v1")
FILES = {
    "poem.txt": b"dusk",
    "sub/deeper/notes.txt": b"of lanterns",
    "leer/\xfcber \u65e5\u672c.txt": b"\xff\x00",
    "empty": b"",
}


@dataclass(frozen=True)
class Place:
    """Where artifacts are kept.

    Attributes:
        folder: For the homes of this test.
        address: ``s3://…``; empty for local files, where there is one home.
    """

    folder: Path
    address: str

    @property
    def remote(self) -> bool:
        return bool(self.address)

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket, to look into behind the store's back."""
        return Bucket(self.address.removeprefix("s3://").partition("/")[0])

    @property
    def prefix(self) -> str:
        """What the keys of the store begin with."""
        return self.address.removeprefix("s3://").partition("/")[2] + "/"

    def store(self, machine: str = "one") -> ArtifactStore:
        """The store on that machine, opened when it is first asked for."""
        return self._opened.setdefault(machine, self.opened_again(machine))

    def opened_again(self, machine: str = "one") -> ArtifactStore:
        """The store as a new process of that machine opens it."""
        return open_store(self.folder / (machine if self.remote else "home"))

    @cached_property
    def _opened(self) -> dict[str, ArtifactStore]:
        return {}


def manifest(version: str = "v1", passed: bool = True, created: str = "2026-01-01T00:00:00+00:00") -> Manifest:
    return Manifest(
        asset="poems",
        model_type="lanterns",
        data_version=version,
        inputs={},
        config={},
        seeds={},
        code_version="c",
        created_at=created,
        seconds=0.5,
        gates=[Gate(name="scansion", passed=passed, message="it limps")],
        metrics={"lines": 3.0},
        cost_usd=0.0,
        digests={},
    )


def commit(
    store: ArtifactStore,
    files: dict[str, bytes] | None = None,
    *,
    work: Path | None = None,
    version: str = "v1",
    passed: bool = True,
    created: str = "2026-01-01T00:00:00+00:00",
) -> StoredArtifact:
    """Make and commit an artifact of these files; ``work``: a folder of its own, for makers at the same time."""
    folder = work or store.work_folder("poems", "lanterns", version)
    for name, data in (FILES if files is None else files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return store.commit(folder, manifest(version, passed, created))


def held(artifact: StoredArtifact) -> dict[str, bytes]:
    """The files of an artifact on this machine."""
    return {name: (artifact.path / name).read_bytes() for name in artifact.manifest.digests}


def maker(number: int, place: Place) -> subprocess.Popen[bytes]:
    """A process, on a machine of its own where the place allows it, that runs `main`."""
    home = place.store(f"machine {number}").home
    command = [sys.executable, "-m", __name__, str(number), str(home), str(place.folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def main() -> None:
    """Say that it is ready; once ``<folder>/go`` is there, commit files that all say which process made them."""
    number, home, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    store = open_store(home)
    store.find(*NAMES)  # what is slow at first is done then
    (folder / f"ready-{number}").touch()
    while not (folder / "go").exists():
        time.sleep(0.001)
    commit(store, same_everywhere(number), work=home / f"made-by-{number}")


def same_everywhere(text: str) -> dict[str, bytes]:
    """Files by which a mixture of two makers' artifacts shows."""
    return {f"{name}.txt": text.encode() * 1000 for name in "abcdef"}


if __name__ == "__main__":
    main()
