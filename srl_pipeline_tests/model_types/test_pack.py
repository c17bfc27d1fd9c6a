"""Versions of packs: content counts, form does not."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.model_types import Pack, PackDefinition, load_pack
from srl_pipeline.model_types.spec import grid, number_text

from ..conftest import edit


def test_comments_and_white_space_do_not_change_the_version(scaffold_pack: Pack, scaffold_folder: Path) -> None:
    edit(scaffold_folder / "rules.yaml", "  # Burner\n", "\n\n  # Something else\n")
    assert load_pack("lanterns").definition.version == scaffold_pack.definition.version


def test_a_changed_rule_changes_the_version_and_not_the_lore(scaffold_pack: Pack, scaffold_folder: Path) -> None:
    edit(scaffold_folder / "rules.yaml", "artefact.fillings * 6 >=", "artefact.fillings * 5 >=")
    changed = load_pack("lanterns")
    assert changed.definition.version != scaffold_pack.definition.version
    assert changed.lore_version == scaffold_pack.lore_version


def test_changed_prose_changes_the_lore_version_and_not_the_rules(scaffold_pack: Pack, scaffold_folder: Path) -> None:
    edit(scaffold_folder / "lore" / "bearer-miner.md", "in the dark.", "in the dark, ever.")
    changed = load_pack("lanterns")
    assert changed.lore_version != scaffold_pack.lore_version
    assert changed.definition.version == scaffold_pack.definition.version


def test_a_definition_survives_a_trip_through_json(scaffold_pack: Pack) -> None:
    text = scaffold_pack.definition.model_dump_json(by_alias=True)
    assert PackDefinition.model_validate_json(text) == scaffold_pack.definition


def test_a_pack_without_held_out_scenarios_can_be_read(scaffold_folder: Path) -> None:
    (scaffold_folder / "evaluation.yaml").unlink()
    assert load_pack("lanterns").definition.evaluation.scenarios == []


def test_a_grid_has_no_rounding_error() -> None:
    assert grid(0.1, 0.7, 0.1) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_numbers_in_prose_have_no_needless_point() -> None:
    assert [number_text(v) for v in (3.0, 2.5, -1.0)] == ["3", "2.5", "-1"]
