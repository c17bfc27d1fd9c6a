"""Versions of artifacts and of code."""

from __future__ import annotations

from importlib import metadata

import pytest

from srl_pipeline.registry import versions
from srl_pipeline.registry.versions import artifact_version, code_version


def test_the_order_of_inputs_and_settings_does_not_count() -> None:
    one = artifact_version("poems", {"a": "1", "b": "2"}, {"x": 1, "y": 2}, "c")
    other = artifact_version("poems", {"b": "2", "a": "1"}, {"y": 2.0, "x": 1}, "c")
    assert one == other


def test_every_part_decides_the_version() -> None:
    parts = [("poems", {"a": "1"}, {"x": 1}, "c"), ("odes", {"a": "1"}, {"x": 1}, "c"), ("poems", {}, {"x": 1}, "c")]
    parts += [("poems", {"a": "1"}, {"x": 2}, "c"), ("poems", {"a": "1"}, {"x": 1}, "d")]
    assert len({artifact_version(*p) for p in parts}) == len(parts)


def test_a_changed_source_file_is_another_code_version(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*versions.SHARED, "room/a.py", "other/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    monkeypatch.setattr(versions, "PACKAGE", tmp_path)
    uncached = code_version.__wrapped__
    before = uncached("room")
    (tmp_path / "other" / "b.py").write_text("x = 2")
    assert uncached("room") == before
    (tmp_path / "room" / "a.py").write_text("x = 2")
    assert uncached("room") != before


def test_the_version_of_a_library_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    uncached = code_version.__wrapped__
    before = uncached("errors.py", libraries=("pydantic",))
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.0")
    assert uncached("errors.py", libraries=("pydantic",)) != before
