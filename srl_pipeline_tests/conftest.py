"""Fixtures for all tests: the pack that `packs new` writes, in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from srl_pipeline.model_types import Pack, load_pack, new_pack
from srl_pipeline_tests.profiles import load_profile

load_profile()

PREFIXES = ("SRL_", "AWS_", "DAGSTER_")


def program_environment() -> dict[str, str]:
    """The variables that the program reads."""
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIXES)}


AT_START = program_environment()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """No file of tests leaves variables behind: whether the next one passed would depend on the order."""
    yield
    if nextitem is None or nextitem.path != item.path:
        now = program_environment()
        changed = sorted(name for name in AT_START | now if AT_START.get(name) != now.get(name))
        assert not changed, f"{item.path.name} leaves {', '.join(changed)} changed"


@pytest.fixture
def scaffold_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fresh pack 'lanterns' that ``SRL_PACKS`` finds; tests may edit its files."""
    parent = tmp_path / "packs"
    parent.mkdir()
    monkeypatch.setenv("SRL_PACKS", str(parent))
    return new_pack("lanterns", parent)


@pytest.fixture
def scaffold_pack(scaffold_folder: Path) -> Pack:
    """The small pack, loaded."""
    return load_pack(scaffold_folder.name)


@pytest.fixture
def only_added_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No built-in packs: the built-in folder is an empty one."""
    empty = tmp_path / "built_in"
    empty.mkdir()
    for module in ("finding", "scaffold"):
        monkeypatch.setattr(f"srl_pipeline.model_types.{module}.BUILT_IN", empty)
    yield empty


def edit(file: Path, old: str, new: str) -> int:
    """Replace ``old`` (which must be there once) in ``file``; the line on which ``new`` begins."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return text.count("\n", 0, text.index(old)) + 1
