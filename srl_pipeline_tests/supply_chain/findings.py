"""Test-only: what a step of the audit says, and the one way in which its tools are run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Step:
    """One step: what it looked at, in a sentence, and what must be mended."""

    name: str
    says: str
    findings: tuple[str, ...] = ()


def run(command: Sequence[str | Path], *, cwd: Path = ROOT, seconds: int = 900) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end, whatever its exit status is."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False
    )


def tail(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
