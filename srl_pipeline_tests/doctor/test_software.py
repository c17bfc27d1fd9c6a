"""Python, packages, weights, tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.doctor import Installation, software
from srl_pipeline.doctor.software import package_findings, python_finding
from srl_pipeline.errors import PipelineError

ASKED = ["torch>=2.13", "trl>=1.16,<1.17", 'ruff>=0.17; extra == "dev"']


def test_this_environment_is_as_the_package_asks_for(installation: Installation) -> None:
    found = [*software.python(installation), *software.packages(installation)]
    assert [f.level for f in found] == ["ok", "ok"]
    assert all(name in found[1].what for name in software.SHOWN)


def test_a_python_that_is_not_asked_for_is_a_problem() -> None:
    assert python_finding("3.12.4", ">=3.11,<3.13").level == "ok"
    found = python_finding("3.13.0", ">=3.11,<3.13")
    assert found.level == "problem"
    assert "3.13.0" in found.what


def test_a_package_that_is_too_old_and_one_that_is_missing_are_problems() -> None:
    versions = {"torch": "2.12.1"}
    old, missing = package_findings(ASKED, versions.get)
    assert (old.level, missing.level) == ("problem", "problem")
    assert "2.12.1" in old.what
    assert "trl is not installed" in missing.what


def test_packages_of_extras_are_not_asked_for() -> None:
    [found] = package_findings(ASKED, {"torch": "2.13.0+cpu", "trl": "1.16.3"}.get)
    assert found.level == "ok"


def test_weights_of_the_default_student_and_embedder_are_found(installation: Installation) -> None:
    assert [f.level for f in [*software.student(installation), *software.embedder(installation)]] == ["ok", "ok"]


@pytest.mark.parametrize("setting", ["student.name", "lore.embedder"])
def test_weights_that_are_not_there_are_refused(
    installation: Installation, tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_SETTINGS", f"{{{setting}: {tmp_path / 'nowhere'}}}")
    check = software.student if setting == "student.name" else software.embedder
    with pytest.raises(PipelineError, match="nowhere"):
        check(installation)


def test_tools_are_information_alone(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    [found] = software.tools(installation)
    assert found.level == "ok"
    assert "terraform (for infra/)" in found.what
