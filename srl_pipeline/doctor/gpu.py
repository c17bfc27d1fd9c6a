"""GPUs, as torch sees them. The only check that imports torch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.doctor.finding import Finding, ok, problem, warning
from srl_pipeline.doctor.installation import Installation

DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/kfd"))
"""One of these is there where a driver of a vendor is loaded."""
_WHERE = "PyTorch and the GPU's driver"


@dataclass(frozen=True)
class Seen:
    """What torch and the system say.

    Attributes:
        devices: Names of the GPUs that torch can use.
        build: What torch was built for, such as ``CUDA 13.0``; empty for a build without a GPU.
        driver: Whether the system has a GPU's driver.
        complaint: What torch said of the driver; empty where it said nothing.
    """

    devices: tuple[str, ...]
    build: str
    driver: bool
    complaint: str = ""


def gpu(installation: Installation) -> list[Finding]:
    """Whether there is a GPU, and whether one is wanted."""
    config = installation.config
    try:
        seen = _look()
    except (ImportError, OSError) as error:
        return [
            problem(
                f"torch cannot be imported: {str(error).splitlines()[0]}",
                where="this Python environment",
                mend="Run 'make install'.",
            )
        ]
    return [gpu_finding(seen, asked=config.device == "cuda", meant=config.preset in ("gpu", "paper"))]


def gpu_finding(seen: Seen, *, asked: bool, meant: bool) -> Finding:
    """``asked``: by the setting ``device``; ``meant``: the preset is one for a GPU."""
    if seen.devices:
        return ok(f"{len(seen.devices)} of torch for {seen.build}: {', '.join(seen.devices)}")
    if not (asked or meant or seen.driver or seen.complaint):
        return ok("none; trainings run on the processors")
    build = f"is built for {seen.build}" if seen.build else "is built without support for a GPU"
    driver = "a driver is loaded" if seen.driver else "no driver is loaded"
    said = f" torch says: {seen.complaint}" if seen.complaint else ""
    tell = problem if asked else warning
    mend = (
        "Install a build of torch for this driver."
        if seen.driver
        else "Install the GPU's driver, or run where there is a GPU; set device to auto or cpu to train without one."
    )
    return tell(f"torch sees no GPU: it {build}, and {driver}.{said}", where=_WHERE, mend=mend)


def _look() -> Seen:
    import torch

    with warnings.catch_warnings(record=True) as said:  # torch tells of a driver that is too old by a warning alone
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        names = tuple(torch.cuda.get_device_name(i) for i in range(count))
    build = (
        f"CUDA {torch.version.cuda}" if torch.version.cuda else f"HIP {torch.version.hip}" if torch.version.hip else ""
    )
    complaint = str(said[0].message).splitlines()[0] if said else ""
    return Seen(names, build, any(file.exists() for file in DRIVERS), complaint)
