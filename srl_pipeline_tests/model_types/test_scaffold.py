"""`packs new`: a small pack that is valid as it is."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.generation.pack_figures.pack_check import check_pack
from srl_pipeline.model_types import Pack, find_packs, load_pack, new_pack, pack_folder
from srl_pipeline.model_types.scaffold import TEMPLATE
from srl_pipeline.verification import Verifier, check_examples

TOO_SMALL_FOR_REAL = {"valid scenarios", "lore documents", "rules", "counter-examples", "evaluation scenarios"}


def test_a_new_pack_passes_its_examples(scaffold_pack: Pack) -> None:
    check_examples(Verifier(scaffold_pack))


def test_a_new_pack_misses_only_the_figures_that_need_more_writing(scaffold_pack: Pack) -> None:
    figures = check_pack(scaffold_pack)
    assert {f.name for f in figures if not f.met} == TOO_SMALL_FOR_REAL


def test_a_new_pack_is_the_template_under_its_own_name(scaffold_folder: Path) -> None:
    files = {p.relative_to(TEMPLATE) for p in TEMPLATE.rglob("*") if p.is_file()}
    assert {p.relative_to(scaffold_folder) for p in scaffold_folder.rglob("*") if p.is_file()} == files
    assert load_pack("lanterns").name == "lanterns"


def test_a_new_pack_goes_to_the_first_folder_of_srl_packs(scaffold_folder: Path) -> None:
    assert new_pack("breads").parent == scaffold_folder.parent
    assert pack_folder("breads").is_dir()


def test_without_srl_packs_a_new_pack_is_built_in(only_added_packs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRL_PACKS", raising=False)
    monkeypatch.setattr("srl_pipeline.model_types.scaffold.TEMPLATE", TEMPLATE)
    assert new_pack("breads") == only_added_packs / "breads"


def test_the_folder_for_new_packs_is_made_when_it_is_absent(tmp_path: Path) -> None:
    assert new_pack("breads", tmp_path / "a" / "b") == tmp_path / "a" / "b" / "breads"


@pytest.mark.parametrize("name", ["", "../breads", "/tmp/breads", "Breads", "_breads", "bread rolls", "x" * 49, "."])
def test_a_bad_name_is_refused_and_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackError, match="is not a name for a model type"):
        new_pack(name, tmp_path / "packs")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["lanterns", "buildings"])
def test_a_name_that_is_taken_is_refused_wherever_it_is_taken(scaffold_folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(PackError, match="There is already") as caught:
        new_pack(name, tmp_path / "elsewhere")
    assert caught.value.where == str(find_packs()[name])


def test_a_folder_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "breads").mkdir()
    (tmp_path / "breads" / "mine.txt").write_text("precious")
    with pytest.raises(PackError, match="There is already"):
        new_pack("breads", tmp_path)
    assert (tmp_path / "breads" / "mine.txt").read_text() == "precious"


def test_a_disk_that_is_full_at_the_write_edge_leaves_no_half_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.mkdir()
        (target / "pack.yaml").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(PackError, match="No space left"):
        new_pack("breads", tmp_path)
    assert list(tmp_path.iterdir()) == []
