"""Test-only: the static scan of Terraform, container files and the rendered chart.

``python -m srl_pipeline_tests.infra.scan CHECKOV`` prints what is found and ends with 1 where there is anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline_tests.infra.rendered import MATRIX, render
from srl_pipeline_tests.infra.terraform import INFRA


@dataclass(frozen=True)
class Report:
    """What one framework's checks say: how many passed, and which failed."""

    framework: str
    passed: int
    skipped: int
    failed: tuple[str, ...]


def scan(checkov: Path) -> list[Report]:
    """All reports; nothing is downloaded or sent. Raises RuntimeError for a file that checkov cannot read."""
    with tempfile.TemporaryDirectory() as folder:
        for number, changes in enumerate(MATRIX.values()):
            (Path(folder) / f"{number}.yaml").write_text(yaml.safe_dump_all(render(changes)))
        asked = [(INFRA, "terraform"), (INFRA / "containers", "dockerfile"), (Path(folder), "kubernetes")]
        return [report(checkov, place, framework) for place, framework in asked]


def report(checkov: Path, folder: Path, framework: str) -> Report:
    """What one framework's checks say of a folder; raises RuntimeError as `scan` does."""
    command = [str(checkov), "--skip-download", "--directory", str(folder), "--framework", framework]
    command += ["--config-file", str(INFRA / ".checkov.yaml"), "--output", "json", "--soft-fail"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if found["summary"]["parsing_errors"]:
        raise RuntimeError(f"checkov does not understand {found['results']['parsing_errors']}")
    failed = (
        f"{check['check_id']} {check['check_name']}: {check['resource']}" for check in found["results"]["failed_checks"]
    )
    return Report(framework, found["summary"]["passed"], found["summary"]["skipped"], tuple(sorted(set(failed))))


def main() -> int:
    """The number of findings, as an exit status: 0 or 1."""
    reports = scan(Path(sys.argv[1]))
    for one in reports:
        print(f"{one.framework}: {one.passed} passed, {len(one.failed)} failed, {one.skipped} skipped in place")
        for line in one.failed:
            print(f"  {line}")
    return int(any(one.failed for one in reports))


if __name__ == "__main__":
    sys.exit(main())
