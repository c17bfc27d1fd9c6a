"""Which packs there are, and where: the built-in folder and those of ``SRL_PACKS``."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from srl_pipeline.errors import PackError
from srl_pipeline.model_types.text_files import printable

BUILT_IN = Path(__file__).resolve().parent
log = logging.getLogger("srl_pipeline")


def added_folders() -> list[Path]:
    """The folders of ``SRL_PACKS`` (separated by ``:``)."""
    folders = [Path(p).absolute() for p in os.environ.get("SRL_PACKS", "").split(os.pathsep) if p]
    for folder in folders:
        if not folder.is_dir():
            raise PackError(
                f"{folder} is not a folder.", where="environment variable SRL_PACKS", mend="Correct or unset it."
            )
    return folders


def pack_folders() -> list[Path]:
    """Folders that hold packs, the built-in one first."""
    return list(dict.fromkeys([BUILT_IN, *added_folders()]))


def scan_packs() -> tuple[dict[str, Path], dict[str, PackError]]:
    """Name -> folder of every pack, without reading them; and name -> error of folders that cannot be one.

    Folders that begin with ``_`` or ``.`` are no packs. One folder that is wrong does not stop the others.
    """
    found: dict[str, Path] = {}
    wrong: dict[str, PackError] = {}
    for parent in pack_folders():
        for folder in _candidates(parent):
            name = folder.name
            try:
                check_name(name, where=printable(str(folder)))
            except PackError as error:
                wrong[printable(name)] = error
                continue
            if name in found:
                wrong[name] = PackError(
                    f"Model type {name!r} stands in two folders.",
                    where=f"{found[name]} and {folder}",
                    mend="Rename one of them.",
                )
            found.setdefault(name, folder)
    return {name: folder for name, folder in found.items() if name not in wrong}, wrong


def _candidates(parent: Path) -> list[Path]:
    """Folders that have a pack.yaml, be it a link to nowhere: that is a broken pack, not none."""
    try:
        folders = sorted(f for f in parent.iterdir() if not f.name.startswith(("_", ".")))
    except OSError as error:
        raise PackError(
            f"The folder cannot be read: {error.strerror}.", where=str(parent), mend="Grant access to it."
        ) from error
    return [folder for folder in folders if os.path.lexists(folder / "pack.yaml")]


def find_packs() -> dict[str, Path]:
    """Name -> folder of every pack that can be used, without reading them; the others are logged."""
    found, wrong = scan_packs()
    for error in wrong.values():
        log.warning("%s", error)
    return found


def pack_folder(name: str) -> Path:
    """The folder of one pack; raises PackError with the known names."""
    found, wrong = scan_packs()
    if name in wrong:
        raise wrong[name]
    if name not in found:
        check_name(name, where="name of a model type")
        raise PackError(
            f"There is no model type {name!r}.",
            where=", ".join(str(f) for f in pack_folders()),
            mend=f"Use one of: {', '.join(found) or 'none found'}; or add one with 'srl-pipeline packs new {name}'.",
        )
    return found[name]


def check_name(name: str, *, where: str) -> None:
    """Refuse what is no name for a model type, paths among it."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name):
        raise PackError(
            f"{name!r} is not a name for a model type.",
            where=where,
            mend="Use lower_snake_case: a letter, then letters, digits and _, at most 48.",
        )
