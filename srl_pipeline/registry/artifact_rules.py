"""What holds for artifacts wherever they lie: names, manifests, gates, and which files of a work folder are kept."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from srl_pipeline.canonical import digest_file, pretty
from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError, GateError

MANIFEST = "manifest.json"
_ATTEMPTS = 20
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def names_of(manifest: Manifest) -> tuple[str, str, str]:
    """Asset, model type, data version: an artifact's place in every store."""
    return manifest.asset, manifest.model_type, manifest.data_version


def check_names(names: Iterable[str], where: str) -> None:
    """Refuse what cannot be one folder's name: it would lead out of the store."""
    for name in names:
        if name in ("", ".", "..") or "\0" in name or Path(name).name != name:
            raise ArtifactError(
                f"{name!r} cannot be part of an artifact's path.", where=where, mend="Use a plain name."
            )


def read_manifest(data: bytes, where: str, mend: str) -> Manifest:
    """The manifest in ``data``; raises ArtifactError for one that is damaged or names files outside of its folder."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise ArtifactError(
            f"The manifest is not readable: {error.errors()[0]['msg']}", where=where, mend=mend
        ) from error
    for name in manifest.digests:
        path = PurePosixPath(name)
        if "\0" in name or path.is_absolute() or ".." in path.parts or str(path) != name or name in (".", MANIFEST):
            raise ArtifactError(f"The manifest names a file outside of its artifact: {name!r}.", where=where, mend=mend)
    return manifest


def refuse_failed(manifest: Manifest, where: str) -> None:
    """Raise GateError for an artifact that did not pass all of its gates."""
    if failed := manifest.failed_gates:
        raise GateError(
            f"{manifest.asset}[{manifest.model_type}] failed its gate {failed[0].name!r}: {failed[0].message}",
            where=where,
            mend="Mend the cause and materialize it again; nothing downstream may use it.",
        )


def contents(work: Path) -> dict[str, Path]:
    """The files of a work folder that become the artifact: relative name -> file.

    What starts with ``_`` at its top (checkpoints of an unfinished run) is left out, and what a commit left that died.
    """
    files = sorted(p for p in work.rglob("*") if p.is_file() and p.name != MANIFEST)
    named = {p.relative_to(work).as_posix(): p for p in files}
    return {name: file for name, file in named.items() if not name.startswith("_") and name != f"{MANIFEST}.tmp"}


def drop_private(work: Path) -> None:
    """Delete what `contents` leaves out."""
    for private in work.glob("_*"):
        shutil.rmtree(private) if private.is_dir() else private.unlink()


def finished(manifest: Manifest, files: dict[str, Path]) -> str:
    """The manifest's text, with the digests of ``files``."""
    digests = {name: digest_file(file) for name, file in files.items()}
    return pretty(manifest.model_copy(update={"digests": digests}).model_dump(mode="json"))


def put_in_place(folder: Path, target: Path, bin_folder: Path, stands: Callable[[], bool]) -> bool:
    """Rename a complete folder to ``target``; False where another process was faster and what it left ``stands``.

    What lies there and does not stand is moved away first, by one rename, so that no half-removed artifact is visible.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    bin_folder.mkdir(parents=True, exist_ok=True)
    for _ in range(_ATTEMPTS):
        if target.exists():
            if stands():
                return False
            with tempfile.TemporaryDirectory(dir=bin_folder, prefix="trash-", ignore_cleanup_errors=True) as trash:
                try:
                    target.replace(Path(trash) / target.name)
                except FileNotFoundError:
                    continue  # another process moved it away
        try:
            folder.replace(target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            return True
    raise ArtifactError(
        "Other processes keep writing the same artifact.", where=str(target), mend="Let one of them finish; run again."
    )
