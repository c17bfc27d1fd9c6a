"""A full disk and too little memory end a stage with the reason and the mend; the last good checkpoint stays.

Libraries say both in many ways: safetensors and torch hide the operating system's error number in a text of their own.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srl_pipeline.errors import PipelineError, TrainingError
from srl_pipeline.registry.artifacts import error_number

MB = 1 << 20
_FULL = {errno.ENOSPC: "The disk is full", errno.EDQUOT: "The disk quota is used up"}
_FULL_TEXTS = re.compile(r"No space left on device|Disk quota exceeded")
_WRITER = re.compile(r"inline_container\S* \. unexpected pos|PytorchStreamWriter failed writing")
"""torch.save's writer, which tells no reason when a write comes back short."""
_NO_MEMORY = re.compile(r"not enough memory: you tried to allocate|DefaultCPUAllocator|out of memory|std::bad_alloc")


@contextmanager
def clean_failures(stage: str, work: Path) -> Iterator[None]:
    """Around the work of a stage: raises TrainingError for a full disk and for memory that ran out.

    Anything else passes through. ``work`` is the folder whose disk is meant where the error names no file.
    """
    try:
        yield
    except Exception as error:
        if mended := as_training_error(error, stage, work):
            raise mended from error
        raise


def as_training_error(error: Exception, stage: str, work: Path) -> TrainingError | None:
    """What ``error`` means, if it is one of the two; an error that has its mend already is left alone."""
    if isinstance(error, PipelineError):
        return None
    if full := _full_disk(error):
        free = shutil.disk_usage(work).free
        return TrainingError(
            f"{full}: {stage} could not save ({free / MB:,.0f} MB are free). The last complete checkpoint is kept.",
            where=str(getattr(error, "filename", None) or work),
            mend="Free space, or move SRL_HOME to a larger disk, and run the same again: it goes on from that "
            "checkpoint.",
        )
    if _no_memory(error):
        return TrainingError(
            f"Memory ran out in {stage}: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
            where=str(work),
            mend=f"{_lower(stage)}, free memory, and run again; what is finished is kept, and with the same "
            "settings it goes on from the last checkpoint.",
        )
    return None


def _full_disk(error: Exception) -> str:
    """The reason if a disk is full, also where torch.save hides it behind an error of its own."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    for one in chain:
        if (number := error_number(one)) in _FULL:
            return _FULL[number]
        if _FULL_TEXTS.search(str(one)):
            return _FULL[errno.ENOSPC]
    return "The disk is full or cannot be written" if _WRITER.search(str(error)) else ""


def _no_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # torch.OutOfMemoryError is a RuntimeError, and so is what the CPU's allocator raises
    return isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error)))


def _lower(stage: str) -> str:
    if stage == "eval_report":
        return "Lower evaluation.max_tokens"
    name = stage.removesuffix("_checkpoint")
    return f"Lower {name}.micro_batch_size or {name}.max_tokens"
