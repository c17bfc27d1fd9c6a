"""Processors, memory, disk. Bytes everywhere; a GB is 10^9 of them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from srl_pipeline.doctor.finding import Finding, ok, problem, warning
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.training.memory import available_bytes
from srl_pipeline.training.students.student import cpu_has_bfloat16

if TYPE_CHECKING:
    import torch

GB = 10**9
MEMORY_NEEDED = {"embedded": 6 * GB}
"""Preset -> measured need. What `gpu` and `paper` need is their student's: the preflight of a training counts it."""
DISK_NEEDED, DISK_WANTED = GB, 10 * GB
"""Figures of caution, not measured: below the first a student and its checkpoints may not fit."""
SHARED_WANTED = GB
"""A container has 64 MB unless it is given more, and processes that train together exchange gradients there."""
SHARED = Path("/dev/shm")
HOME = "SRL_HOME"


def processors(installation: Installation) -> list[Finding]:
    """How many there are for this process, and whether they multiply bfloat16 natively."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return [processor_finding(count, bfloat16=cpu_has_bfloat16(), used=_trains_on_cpu(installation))]


def processor_finding(count: int, *, bfloat16: bool, used: bool) -> Finding:
    """``used``: whether trainings are to run on them, rather than on a GPU."""
    units = "with" if bfloat16 else "without"
    what = f"{count} processors, {units} bfloat16 instructions (AMX or AVX-512)."
    if not used or (bfloat16 and count >= 2):
        return ok(what)
    slow = "" if bfloat16 else " Training on them takes several times as long."
    few = "" if count >= 2 else " Two are the least that was measured."
    return warning(what + slow + few, where="this machine", mend="Nothing is wrong; another machine would be faster.")


def memory(installation: Installation) -> list[Finding]:
    """What is free against what the preset was measured to need; a container's limit counts."""
    # Of the device only its type is read: torch is not imported to learn how much memory a machine has.
    free = available_bytes(cast("torch.device", SimpleNamespace(type="cpu")))
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    preset = installation.config.preset
    return [memory_finding(free, total, MEMORY_NEEDED.get(preset), preset)]


def memory_finding(free: int, total: int, needed: int | None, preset: str) -> Finding:
    """``needed``: None where the need is not known."""
    what = f"{free / GB:.1f} GB of memory are free, of {total / GB:.1f} GB"
    if needed is None:
        return ok(f"{what}; what {preset!r} needs depends on its student")
    if free >= needed:
        return ok(f"{what}; {preset!r} needs {needed / GB:.0f} GB")
    told = f"{what}; the preset {preset!r} needs {needed / GB:.0f} GB."
    if total < needed:
        return problem(told, where="this machine", mend="Take a machine with more memory, or the preset 'smoke'.")
    return warning(told, where="this machine", mend="End what else uses memory, or raise the container's limit.")


def folder(installation: Installation) -> list[Finding]:
    """Whether the installation's folder can be written, or made."""
    return [folder_finding(installation.home)]


def folder_finding(home: Path) -> Finding:
    """Nothing is written to find out."""
    there = _nearest(home)
    if not there.is_dir():
        return problem(f"{there} is not a folder.", where=f"environment variable {HOME}", mend="Name a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        return problem(
            f"{there} may not be written.",
            where=f"environment variable {HOME}",
            mend="Grant access, or choose another folder.",
        )
    return ok(str(home) if there == home else f"{home} (made when it is needed)")


def disk(installation: Installation) -> list[Finding]:
    """The room that is left where the installation keeps its things."""
    return [disk_finding(shutil.disk_usage(_nearest(installation.home)).free, installation.home)]


def disk_finding(free: int, home: Path) -> Finding:
    """``free``: what this user may still write below ``home``."""
    what = f"{free / GB:.1f} GB of disk are free below {home}"
    if free >= DISK_WANTED:
        return ok(what)
    mend = f"Free space, or set {HOME} to a folder on another disk. What a run made before is kept."
    least = DISK_NEEDED if free < DISK_NEEDED else DISK_WANTED
    tell = problem if free < DISK_NEEDED else warning
    return tell(f"{what}; {least / GB:.0f} GB are wanted.", where=str(home), mend=mend)


def shared_memory(installation: Installation) -> list[Finding]:
    """Looked at where several processes train together."""
    count = installation.config.processes
    size = shutil.disk_usage(SHARED).total if SHARED.is_dir() else 0
    return [shared_finding(size, count)]


def shared_finding(size: int, processes: int) -> Finding:
    """``size`` of `SHARED`; 0 where there is none."""
    if processes == 1:
        return ok("one process trains; it needs none")
    what = f"{SHARED} has {size / GB:.2f} GB"
    if size >= SHARED_WANTED:
        return ok(f"{what} for {processes} processes")
    return warning(
        f"{what}; {processes} processes that train together may need {SHARED_WANTED / GB:.0f} GB.",
        where=str(SHARED),
        mend="Give the container more (docker run --shm-size=1g; in a pod an emptyDir of medium Memory).",
    )


def _trains_on_cpu(installation: Installation) -> bool:
    return installation.config.device != "cuda" and installation.preset in ("smoke", "embedded")


def _nearest(path: Path) -> Path:
    """``path``, or the nearest of its parents that is there."""
    return next(p for p in (path, *path.parents) if os.path.lexists(p))
