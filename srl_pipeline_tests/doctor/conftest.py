"""An installation in a folder of its own, which nothing of this machine's environment describes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from srl_pipeline.doctor import Installation


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installation's folder, empty; the current folder has no files of teachers or tuners."""
    for name in [n for n in os.environ if n.startswith("SRL_") or n == "DAGSTER_HOME"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("SRL_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def installation(home: Path, only_added_packs: Path, scaffold_folder: Path) -> Installation:
    """One with the small pack 'lanterns' alone."""
    return Installation(home)
