"""Python, packages, the weights that come as packages, and programs that only some tasks need."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from srl_pipeline.doctor.finding import Finding, ok, problem
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.lore.embedder import embedder_folder
from srl_pipeline.training.students.student import check_student

DISTRIBUTION = "srl-pipeline"
SHOWN = ("torch", "dagster", "trl", "transformers", "peft", "lancedb")
"""Packages whose versions people ask for."""
TOOLS = {
    "git": "a clone",
    "make": "the commands of the Makefile",
    "terraform": "infra/",
    "promtool": "the tests of alert rules",
}
_INSTALL = "Run 'make install', or 'pip install -c constraints.txt -e .' in the repository."


def python(installation: Installation) -> list[Finding]:
    """The interpreter against what the package asks for."""
    try:
        asked = metadata(DISTRIBUTION)["Requires-Python"]
    except PackageNotFoundError:
        return [_not_installed()]
    return [python_finding(platform.python_version(), asked)]


def python_finding(found: str, asked: str) -> Finding:
    """``asked`` is a version specifier such as ``>=3.11,<3.13``."""
    if SpecifierSet(asked).contains(found, prereleases=True):
        return ok(f"Python {found}")
    return problem(
        f"This is Python {found}; {asked} is asked for.",
        where="the interpreter of this environment",
        mend="Make the environment anew with another Python (make install PYTHON=…).",
    )


def packages(installation: Installation) -> list[Finding]:
    """Installed versions against those that the package itself states."""
    try:
        asked = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return [_not_installed()]
    return package_findings(asked, _version)


def package_findings(asked: Sequence[str], installed: Callable[[str], str | None]) -> list[Finding]:
    """``asked``: requirements; ``installed``: name -> version, None where it is not there. Extras are left out."""
    needed = [r for r in map(Requirement, asked) if r.marker is None or r.marker.evaluate({"extra": ""})]
    found = {r.name: installed(r.name) for r in needed}
    wrong = [_unfit(r, found[r.name]) for r in needed if not _fits(r, found[r.name])]
    if wrong:
        return wrong
    shown = ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found)
    return [ok(f"{len(needed)} packages as asked: {shown}")]


def student(installation: Installation) -> list[Finding]:
    """The configured student's weights are there; none is loaded."""
    name = installation.config.student.name
    check_student(name)
    return [ok(f"{name}: its weights are there" if name != "tiny" else "tiny: it is made when it is needed")]


def embedder(installation: Installation) -> list[Finding]:
    """The configured embedder's weights are there; none is loaded."""
    return [ok(f"{installation.config.lore.embedder}: {embedder_folder(installation.config.lore.embedder)}")]


def tools(installation: Installation) -> list[Finding]:
    """For information: none of them is needed to train."""
    found = [name for name in TOOLS if shutil.which(name)]
    absent = [f"{name} (for {use})" for name, use in TOOLS.items() if name not in found]
    return [ok(f"found: {', '.join(found) or 'none'}" + (f"; not found: {', '.join(absent)}" if absent else ""))]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _fits(requirement: Requirement, found: str | None) -> bool:
    return found is not None and requirement.specifier.contains(found, prereleases=True)


def _unfit(requirement: Requirement, found: str | None) -> Finding:
    what = f"{requirement.name} is {f'at {found}' if found else 'not installed'}; {requirement} is asked for."
    return problem(what, where="this Python environment", mend=_INSTALL)


def _not_installed() -> Finding:
    return problem(f"The package {DISTRIBUTION} is not installed.", where="this Python environment", mend=_INSTALL)
