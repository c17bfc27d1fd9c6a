"""A training child: its command, and how it ties its life to its launcher's. Standard library only."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

ENTRY_POINT = ("-m", "srl_pipeline.stages")
"""What every launcher has its Python run. The trainer's image and the chart say the same."""

PARENT = "SRL_PARENT_PID"
"""Environment variable by which a launcher says who it is; absent by hand, in a pod and on SageMaker."""

ENVIRONMENT = {"GOMP_SPINCOUNT": "20000", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
"""Set for a training process unless the user has: idle threads wait briefly, then sleep; no fork warnings; no network.
"""
ASKED_TO_END = 128 + signal.SIGTERM
"""Exit status of a training process that SIGTERM ended; launchers tell it from a failure."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when the launcher dies, however it dies. Without a launcher nothing is done.

    SIGKILL, because native code may not see a gentler signal for minutes, and work is saved as it is done.
    """
    launcher = os.environ.pop(PARENT, "")
    if not launcher or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(launcher):  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)
