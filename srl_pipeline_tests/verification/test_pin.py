"""The rule_set pin: proven each time, identified by content, read instead of the live folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.verification import Verifier, build_rule_set, pinned_pack

from ..conftest import edit


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_a_pin_is_the_pack_as_it_was(store: ArtifactStore, scaffold_pack: Pack, scaffold_folder: Path) -> None:
    pin = build_rule_set(store, scaffold_pack).artifact
    edit(scaffold_folder / "rules.yaml", "artefact.fillings * 6 >=", "artefact.fillings * 9 >=")
    assert pinned_pack(pin, scaffold_pack.documents) == scaffold_pack


def test_rules_compile_from_a_pin_that_knows_no_files(store: ArtifactStore, scaffold_pack: Pack) -> None:
    pinned = pinned_pack(build_rule_set(store, scaffold_pack).artifact, scaffold_pack.documents)
    assert len(Verifier(pinned).rules.rules) == 9
    assert pinned.place("rule", "fuel-is-local", "assert") == "pack lanterns, rule fuel-is-local assert"


def test_the_same_rules_are_pinned_once(store: ArtifactStore, scaffold_pack: Pack, scaffold_folder: Path) -> None:
    first = build_rule_set(store, scaffold_pack)
    edit(scaffold_folder / "rules.yaml", "  # Burner\n", "")
    again = build_rule_set(store, load_pack("lanterns"))
    assert (first.reused, again.reused) == (False, True)


def test_bad_examples_pin_nothing(store: ArtifactStore, scaffold_folder: Path) -> None:
    edit(scaffold_folder / "examples.yaml", "change: {fuel: wax}", "change: {fuel: oil}")
    with pytest.raises(PackError, match="it breaks nothing"):
        build_rule_set(store, load_pack("lanterns"))
    assert store.versions("rule_set", "lanterns") == []


def test_lore_that_makes_gold_wrong_is_noticed_though_the_rules_are_pinned_already(
    store: ArtifactStore, scaffold_pack: Pack, scaffold_folder: Path
) -> None:
    build_rule_set(store, scaffold_pack)
    edit(scaffold_folder / "lore" / "bearer-watchman.md", "  mount: pole", "  mount: lantern")
    with pytest.raises(PackError, match="Gold g-watch-saltmere breaks rule mount-fits-bearer"):
        build_rule_set(store, load_pack("lanterns"))


def test_a_held_out_scenario_that_cannot_be_is_refused_before_any_training(
    store: ArtifactStore, scaffold_folder: Path
) -> None:
    file = scaffold_folder / "evaluation.yaml"
    file.write_text("version: 1\nscenarios:\n  - {region: sunken_fen, bearer: miner, hours: 3}\n")
    with pytest.raises(PackError, match="Nobody digs") as caught:
        build_rule_set(store, load_pack("lanterns"))
    assert caught.value.where == f"{file}:3"
