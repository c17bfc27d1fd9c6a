"""While a model type is cleaned, nobody of this machine makes anything of it: all makers' locks are held."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.artifacts import disk_errors

LOCKS = "_locks"
"""Where makers take a lock ``<asset>-<model type>.lock`` before they look for what is made already."""


@contextmanager
def cleaner_alone(store: ArtifactStore) -> Iterator[None]:
    """Nobody else cleans this store from this machine meanwhile; raises PipelineError where somebody does."""
    with ExitStack() as stack:
        _take(stack, store.root / LOCKS / "cleaning.lock", "Another process is cleaning.")
        yield


@contextmanager
def makers_wait(store: ArtifactStore, model_type: str, assets: Iterable[str]) -> Iterator[None]:
    """Makers of a model type wait until the block is left; raises PipelineError where one is at work."""
    folder = store.root / LOCKS
    known = {file.stem.removesuffix(f"-{model_type}") for file in folder.glob(f"*-{model_type}.lock")}
    with ExitStack() as stack:
        for asset in sorted(known | set(assets)):
            lock = folder / f"{asset}-{model_type}.lock"
            _take(stack, lock, f"{asset} of {model_type} is being made: nothing of {model_type} was removed.")
        yield


def _take(stack: ExitStack, file: Path, taken: str) -> None:
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = stack.enter_context(file.open("w"))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PipelineError(taken, where=str(file), mend="Clean again when it has ended.") from error
