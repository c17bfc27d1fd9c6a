"""Make a new pack: a copy of the small one in ``_scaffold``, which runs through the chain as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from srl_pipeline.errors import PackError
from srl_pipeline.model_types.finding import BUILT_IN, added_folders, check_name, scan_packs

TEMPLATE = BUILT_IN / "_scaffold"


def new_pack(name: str, into: Path | None = None) -> Path:
    """Write the pack ``name`` and return its folder; raises PackError when the name is bad or taken.

    Args:
        name: Name of the model type.
        into: Folder that holds packs; made when absent. Default: the first of ``SRL_PACKS``, else the built-in one.
    """
    check_name(name, where="name of the new model type")
    parent = into.absolute() if into else next(iter(added_folders()), BUILT_IN)
    target = parent / name
    found, wrong = scan_packs()
    taken = found.get(name) or (wrong[name].where if name in wrong else target if target.exists() else None)
    if taken:
        raise PackError(f"There is already a {name!r}.", where=str(taken), mend="Choose another name.")
    # Copied beside its place under a name that is no pack's, then renamed: a half-written pack is never found.
    half = parent / f"_{name}.new"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(TEMPLATE, half)
        half.rename(target)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        raise PackError(
            f"The pack cannot be written: {error.strerror or error}.",
            where=str(parent),
            mend="Name a folder that you may write to with --into.",
        ) from error
    return target
