from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from srl_pipeline.cli.instance import open_instance

OPEN = """
import sys
from pathlib import Path
from srl_pipeline.cli.instance import open_instance
import dagster
print("ready", flush=True)
sys.stdin.readline()
with open_instance(Path(sys.argv[1])) as instance:
    instance.get_runs_count()
"""


@pytest.mark.chain
def test_processes_that_make_a_new_history_at_the_same_moment_all_open_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=120)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0], said
    with open_instance(tmp_path) as instance:
        assert instance.get_runs_count() == 0
