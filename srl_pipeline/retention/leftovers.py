"""What lies on this machine and is no artifact: folders of processes that died, old unfinished work, old logs, copies.

Nothing of it is judged by whether a process lives, which nobody can tell for certain: by how long nobody wrote into it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.artifacts import REMOVED, disk_errors
from srl_pipeline.retention.records import Leftover, Node

DAY = 86_400.0
TEMPORARY = {REMOVED: 0.0, "trash-": DAY, "fetch-": DAY}
"""Folders of the store's own moves, by what their names begin with -> seconds after which a live process is done."""


def passing_folders(store: ArtifactStore, now: datetime) -> list[Leftover]:
    """Folders that moves of artifacts left behind when their process died. For the one who cleans alone."""
    found: list[Leftover] = []
    for beginning, patience in TEMPORARY.items():
        for folder in sorted((store.root / "_work").glob(f"{beginning}*/")):
            found += _old(folder, now, patience, "left behind by a process that died")
    return found


def leftovers_of(
    store: ArtifactStore, model_type: str, there: Collection[Node], keep_days: float, now: datetime
) -> list[Leftover]:
    """Of one model type, while nobody makes anything of it.

    Args:
        there: Its artifacts, as the store has them.
        keep_days: What was written later stays; unfinished work is what a run goes on from. At least a day.
    """
    patience = max(keep_days * DAY, DAY)
    return [
        *_work(store, model_type, now, patience),
        *_logs(store, model_type, there, now, patience),
        *_copies(store, model_type, there, now, patience),
    ]


def sweep(leftovers: Collection[Leftover]) -> None:
    """Delete them; what is gone already is no error."""
    for leftover in leftovers:
        path = Path(leftover.path)
        with disk_errors(path), suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _work(store: ArtifactStore, model_type: str, now: datetime, patience: float) -> Iterator[Leftover]:
    for folder in sorted((store.root / "_work").glob(f"*/{model_type}/*/")):
        yield from _old(folder, now, patience, "unfinished work that nobody went on with")


def _logs(
    store: ArtifactStore, model_type: str, there: Collection[Node], now: datetime, patience: float
) -> Iterator[Leftover]:
    for file in sorted((store.root / "_logs").glob(f"*/{model_type}/*.log")):
        if Node(file.parent.parent.name, file.stem) not in there:
            yield from _old(file, now, patience, "log of an artifact that is not there")


def _copies(
    store: ArtifactStore, model_type: str, there: Collection[Node], now: datetime, patience: float
) -> Iterator[Leftover]:
    if store.address == str(store.root):
        return
    for folder in sorted(store.root.glob(f"[!_]*/{model_type}/*/")):
        if Node(folder.parent.parent.name, folder.name) not in there:
            yield from _old(folder, now, patience, "copy of an artifact that is not in the store")


def _old(path: Path, now: datetime, patience: float, why: str) -> Iterator[Leftover]:
    """The path, if nobody wrote into it for so many seconds."""
    size, written = 0, 0.0
    with suppress(FileNotFoundError):  # its process ends just now
        for one in (path, *path.rglob("*")):
            stat = one.lstat()
            size, written = size + (0 if one.is_dir() else stat.st_size), max(written, stat.st_mtime)
        if now.timestamp() - written >= patience:
            yield Leftover(path=str(path), bytes=size, why=why)
