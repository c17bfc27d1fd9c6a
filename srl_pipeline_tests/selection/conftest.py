"""A market of scripted teachers; the lore index is made once for all tests, by an encoder of random weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from srl_pipeline.lore import build_lore_index
from srl_pipeline.model_types import load_pack, new_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK
from srl_pipeline_tests.lore.tiny_encoder import write_encoder
from srl_pipeline_tests.selection.market import Market
from srl_pipeline_tests.vendors.faults import FaultPlan
from srl_pipeline_tests.vendors.openai_server import OpenAIServer
from srl_pipeline_tests.vendors.server import VendorServer

ENCODER = "encoder"
SECRET = "test-key-5102-never-shown"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the pack, its lore index, and the encoder that made it."""
    root = tmp_path_factory.mktemp("market")
    with pytest.MonkeyPatch.context() as patch:
        (root / "packs").mkdir()
        patch.setenv("SRL_PACKS", str(root / "packs"))
        new_pack(PACK)
        pack = load_pack(PACK)
        encoder = write_encoder(root / ENCODER, [document.prose for document in pack.documents.values()])
        lore = preset("smoke").lore.model_copy(update={"embedder": str(encoder)})
        build_lore_index(ArtifactStore(root / "artifacts"), pack, lore)
    return root


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., VendorServer]]:
    """Starts servers that end with the test; a wrong request or answer fails it."""
    running: list[VendorServer] = []

    def start(vendor: str, faults: str = "", **settings: object) -> VendorServer:
        assert vendor == "openai"
        plan = FaultPlan.parse(faults, seed=5) if faults else None
        server = OpenAIServer(tmp_path / f"log-{len(running)}.jsonl", faults=plan, key=SECRET, **settings)  # type: ignore[arg-type]
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)
        assert server.invalid == []


@pytest.fixture
def market(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., VendorServer]
) -> Market:
    home = tmp_path / "home"
    shutil.copytree(template / "artifacts", home / "artifacts")
    monkeypatch.setenv("SRL_HOME", str(home))
    monkeypatch.setenv("SRL_PACKS", str(template / "packs"))
    monkeypatch.setenv("SRL_TEACHERS", str(home / "teachers.yaml"))
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    monkeypatch.delenv("SRL_SETTINGS", raising=False)
    found = Market(home, serve, template / ENCODER)
    found.write()
    return found
