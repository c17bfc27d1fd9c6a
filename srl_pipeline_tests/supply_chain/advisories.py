"""Test-only: known holes in what is pinned. A service of advisories is asked; without an answer nothing is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeAlias

from srl_pipeline_tests.supply_chain.findings import Step, run, tail

OSV = "https://api.osv.dev/v1/query"
"""The open database of vulnerabilities, to which PyPI's own advisories go too."""
Need: TypeAlias = Literal["required", "where-answered"]
NAME = "advisories"


def ask_advisories(tools: Path, pins: Path, need: Need, service: str = OSV) -> Step:
    """Every pin is asked for. Names and versions of the pins are sent, and nothing else.

    pip-audit ends well where a service knows nothing of a package, and says so in the small print: that is no audit.
    """
    command: list[str | Path] = [tools / "pip-audit", "--requirement", pins, "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--osv-url", service, "--timeout", "10"]
    done = run([*command, "--format", "json", "--progress-spinner", "off"])
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return _not_audited(need, service, tail(done.stderr))
    asked = answer["dependencies"]
    skipped = [f"not audited: {one['skip_reason']}" for one in asked if "skip_reason" in one]
    holes = [f"{one['name']} {one['version']}: {_told(hole)}" for one in asked for hole in one.get("vulns", [])]
    if not asked:
        return Step(NAME, "not audited", ("not audited: there is nothing to ask for",))
    return Step(NAME, f"{len(asked) - len(skipped)} of {len(asked)} pins audited by {service}", (*skipped, *holes))


def _not_audited(need: Need, service: str, why: str) -> Step:
    told = f"not audited: no advisory service answered ({service}: {why[-160:]})"
    return Step(NAME, told, (told,) if need == "required" else ())


def _told(hole: dict[str, Any]) -> str:
    names = ", ".join([hole["id"], *hole.get("aliases", [])])
    mended = ", ".join(hole.get("fix_versions", []))
    return f"{names}; {f'mended in {mended}' if mended else 'no version mends it yet'}"
