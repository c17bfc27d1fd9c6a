"""Test-only: ``python -m srl_pipeline_tests.supply_chain.audit TOOLS FOLDER [required|where-answered]``.

TOOLS is the folder of the programs of `requirements.txt`, FOLDER takes the list of components. Ends with 1 where there
is anything to mend. ``where-answered`` says so, and goes on, where no service of advisories answers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

from srl_pipeline_tests.supply_chain.advisories import Need, ask_advisories
from srl_pipeline_tests.supply_chain.components import installed, pinned, unlicensed, unpinned
from srl_pipeline_tests.supply_chain.findings import ROOT, Step
from srl_pipeline_tests.supply_chain.sbom import write_sbom
from srl_pipeline_tests.supply_chain.secret_scan import scan_secrets

PINS = ROOT / "constraints.txt"


def steps(tools: Path, folder: Path, need: Need) -> Iterator[Step]:
    """All steps, one after the other. Raises RuntimeError where a tool fails."""
    yield scan_secrets(tools)
    sbom, file = write_sbom(tools, Path(sys.executable), folder / "sbom.cdx.json"), folder / "sbom.cdx.json"
    found, pins = installed(sbom), pinned(PINS.read_text(encoding="utf-8"))
    yield Step("components", f"{len(found)} in {file}, valid by its schema", () if found else ("nothing is installed",))
    yield Step("pins", f"{len(pins)} exact versions in {PINS.name}", tuple(unpinned(found, pins)))
    yield Step("licences", f"{len(found)} components", tuple(unlicensed(sbom)))
    yield ask_advisories(tools, PINS, need)


def main(arguments: list[str]) -> int:
    """0 where nothing is to be mended, else 1."""
    tools, folder, need = (
        Path(arguments[0]).absolute(),
        Path(arguments[1]),
        arguments[2] if arguments[2:] else "required",
    )
    if need not in get_args(Need):
        raise SystemExit(f"{need!r}: say one of {', '.join(get_args(Need))}")
    bad = 0
    for step in steps(tools, folder, cast("Need", need)):
        bad += len(step.findings)
        print(f"{step.name}: {step.says}; {len(step.findings)} to mend", flush=True)
        for line in step.findings:
            print(f"  {line}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
