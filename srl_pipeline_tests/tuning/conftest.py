"""Fixtures: one installation with verified trajectories for all tests of this folder, a copy of it for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from srl_pipeline.lore import build_lore_index
from srl_pipeline.model_types import load_pack, new_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK
from srl_pipeline_tests.lore.tiny_encoder import write_encoder
from srl_pipeline_tests.tuning.dataset.world import World, scenarios, solved
from srl_pipeline_tests.tuning.providers.openai_cases import KEY
from srl_pipeline_tests.tuning.studio import SCENARIOS, Studio
from srl_pipeline_tests.vendors.bedrock_server import BedrockServer


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The installation that the others are copies of."""
    root = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        (root / "packs").mkdir()
        patch.setenv("SRL_PACKS", str(root / "packs"))
        new_pack(PACK)
        pack = load_pack(PACK)
        encoder = write_encoder(root / "encoder", [document.prose for document in pack.documents.values()])
        home = root / "home"
        lore = preset("smoke").lore.model_copy(update={"embedder": str(encoder)})
        build_lore_index(ArtifactStore(home / "artifacts"), pack, lore)
        world = World(home / "artifacts", pack)
        made = world.build([solved(pack, scenario) for scenario in scenarios(pack, SCENARIOS)])
    return Studio(home, encoder, made.artifact.data_version)


def copied(built: Studio, folder: Path) -> Studio:
    """A fresh installation in ``folder``."""
    home = folder / "home"
    shutil.copytree(built.home, home, copy_function=os.link)  # no test writes into an artifact
    return Studio(home, built.encoder, built.dataset_version)


def enter(studio: Studio, patch: pytest.MonkeyPatch, packs: Path) -> None:
    """Let the program find it."""
    patch.setenv("SRL_HOME", str(studio.home))
    patch.setenv("SRL_PACKS", str(packs))
    patch.setenv("SRL_TEACHERS", str(studio.home / "teachers.yaml"))
    patch.setenv("SRL_TUNING", str(studio.home / "tuning.yaml"))
    patch.setenv(KEY_VARIABLE, KEY)
    for unset in ("SRL_SETTINGS", "SRL_TUNED_TEACHERS", "SRL_TUNING_CAPABILITIES"):
        patch.delenv(unset, raising=False)


@pytest.fixture
def studio(built: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    found = copied(built, tmp_path)
    enter(found, monkeypatch, built.home.parent / "packs")
    return found


@pytest.fixture(scope="session")
def aws() -> Iterator[BedrockServer]:
    with BedrockServer() as server:
        yield server
