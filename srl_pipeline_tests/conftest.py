"""Fixtures for all tests: the pack that `packs new` writes, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from srl_pipeline.model_types import Pack, load_pack, new_pack


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
