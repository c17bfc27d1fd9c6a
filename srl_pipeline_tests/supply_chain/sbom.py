"""Test-only: the list of components (SBOM, CycloneDX) of what is installed: reproducible, and valid by its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from srl_pipeline_tests.supply_chain.findings import ROOT, run, tail

VERSION = "1.6"
"""Of CycloneDX's format."""


def write_sbom(tools: Path, python: Path, to: Path) -> dict[str, Any]:
    """Write the components of the environment of ``python``; raises RuntimeError where that is not to be had.

    The tool's own validation takes most of a minute; the same schema is asked in `sbom_schema.py`, in a second.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [tools / "cyclonedx-py", "environment", python, "--pyproject", ROOT / "pyproject.toml"]
    command += ["--output-reproducible", "--spec-version", VERSION, "--no-validate", "--of", "JSON", "-o", to]
    done = run(command)
    if done.returncode:
        raise RuntimeError(f"the list of components could not be made: {tail(done.stderr)}")
    checked = run([tools / "python", Path(__file__).with_name("sbom_schema.py"), VERSION, to])
    if checked.returncode:
        raise RuntimeError(f"{to.name} is not valid by CycloneDX {VERSION}: {tail(checked.stdout or checked.stderr)}")
    made: dict[str, Any] = json.loads(to.read_text(encoding="utf-8"))
    return made
