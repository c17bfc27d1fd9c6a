from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CHILD = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell leaves it to a background command
from srl_pipeline.cli.signals import heed_termination
heed_termination()
from dagster._utils.interrupts import setup_interrupt_handlers
setup_interrupt_handlers()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_command_in_the_background_can_be_ended(sent: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        child.send_signal(sent)
        assert child.wait(timeout=20) != 0
