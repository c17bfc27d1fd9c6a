"""GPUs: one that is used, none that is missed, and those that torch cannot see."""

from __future__ import annotations

import pytest

from srl_pipeline.doctor import Installation
from srl_pipeline.doctor.gpu import Seen, gpu, gpu_finding

NONE = Seen(devices=(), build="", driver=False)


def test_torch_is_asked_what_it_sees(installation: Installation) -> None:
    import torch

    [found] = gpu(installation)
    assert (" of torch for " in found.what) == torch.cuda.is_available()


def test_gpus_are_named() -> None:
    found = gpu_finding(Seen(("H200",), "CUDA 13.0", driver=True), asked=False, meant=False)
    assert (found.level, found.what) == ("ok", "1 of torch for CUDA 13.0: H200")


def test_a_machine_without_one_misses_none_unless_it_is_wanted() -> None:
    levels = [gpu_finding(NONE, asked=a, meant=m).level for a, m in ((False, False), (False, True), (True, False))]
    assert levels == ["ok", "warning", "problem"]


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (Seen((), "", driver=True), "built without support for a GPU, and a driver is loaded"),
        (Seen((), "CUDA 13.0", driver=True, complaint="The driver is too old"), "torch says: The driver is too old"),
    ],
)
def test_a_driver_of_which_torch_makes_nothing_is_told(seen: Seen, told: str) -> None:
    found = gpu_finding(seen, asked=False, meant=False)
    assert found.level == "warning"
    assert told in found.what
