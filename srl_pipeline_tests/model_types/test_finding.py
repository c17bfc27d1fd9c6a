"""Which packs there are; one bad folder does not stop the others."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.model_types import find_packs, load_pack, pack_folder, scan_packs


def test_the_template_of_new_packs_is_no_model_type() -> None:
    assert not [name for name in find_packs() if name.startswith("_")]


def test_added_packs_are_found_beside_the_built_in_ones(scaffold_folder: Path) -> None:
    found = find_packs()
    assert found["lanterns"] == scaffold_folder
    assert "buildings" in found


@pytest.mark.parametrize("name", ["Bad-Name", "has space", "9lives", "x" * 49])
def test_a_folder_with_a_bad_name_is_told_and_the_others_go_on(
    scaffold_folder: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(scaffold_folder, scaffold_folder.parent / name)
    with caplog.at_level(logging.WARNING, "srl_pipeline"):
        assert "lanterns" in find_packs()
    assert repr(name) in caplog.text
    with pytest.raises(PackError, match="lower_snake_case"):
        pack_folder(name)


def test_a_name_that_two_folders_bring_is_refused_for_that_name_alone(
    scaffold_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(scaffold_folder, other / "lanterns")
    shutil.copytree(scaffold_folder, other / "lamps")
    monkeypatch.setenv("SRL_PACKS", f"{scaffold_folder.parent}:{other}")
    assert "lamps" in find_packs()
    assert "lanterns" not in find_packs()
    with pytest.raises(PackError, match="stands in two folders") as caught:
        load_pack("lanterns")
    assert str(scaffold_folder) in caught.value.where
    assert str(other / "lanterns") in caught.value.where


def test_a_folder_named_twice_is_read_once(scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_PACKS", f"{scaffold_folder.parent}:{scaffold_folder.parent}")
    assert scan_packs()[1] == {}


def test_a_folder_of_packs_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SRL_PACKS", str(tmp_path / "nowhere"))
    with pytest.raises(PackError, match="is not a folder") as caught:
        find_packs()
    assert "SRL_PACKS" in caught.value.where


def test_an_unknown_model_type_names_the_known_ones(scaffold_folder: Path) -> None:
    with pytest.raises(PackError, match="There is no model type 'lantern'") as caught:
        load_pack("lantern")
    assert "lanterns" in caught.value.mend
    assert "packs new lantern'" in caught.value.mend


@pytest.mark.parametrize("name", ["../packs/lanterns", "/etc", "lanterns/", "", ".", "lanterns\n"])
def test_a_name_that_is_a_path_is_refused(scaffold_folder: Path, name: str) -> None:
    with pytest.raises(PackError, match="is not a name for a model type"):
        load_pack(name)
