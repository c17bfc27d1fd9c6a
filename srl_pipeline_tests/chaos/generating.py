"""Test-only drivers with libraries that write by themselves: the lore index (LanceDB) and a generation (Parquet)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from srl_pipeline.clock import now_iso
from srl_pipeline.config import LoreConfig, override
from srl_pipeline.contracts import Sources
from srl_pipeline.generation import build_trajectories
from srl_pipeline.generation.tables import read_trajectories
from srl_pipeline.lore import LoreRetriever, build_lore_index, index_folder, load_documents
from srl_pipeline.model_types import load_pack, new_pack, read_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import LEDGER, ArtifactStore, Balance, SqliteLedger
from srl_pipeline.teachers import build_teacher_pin
from srl_pipeline.verification import build_rule_set
from srl_pipeline_tests.chaos.child import Told
from srl_pipeline_tests.chaos.drivers import Facts
from srl_pipeline_tests.chaos.invariants import committed, sound_databases
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK, Paid, bill, billed
from srl_pipeline_tests.lore.tiny_encoder import write_encoder
from srl_pipeline_tests.lore.tiny_world import LORE, scenario, write_pack
from srl_pipeline_tests.vendors.expert import Expert
from srl_pipeline_tests.vendors.openai_server import OpenAIServer

SETTINGS = {"generation.scenarios": 4, "generation.candidates": 1, "budget.month_usd": 100.0}
ENCODER = "SRL_CHAOS_ENCODER"
"""Environment variable: the folder of the embedder."""
KEY = "test-key-4417-never-shown"
OLD, NEW = "drinks the rain", "drinks all the rain"


class LoreIndex:
    """The index of some lore, and of the same lore with one section changed."""

    def run(self, home: Path, told: Told) -> None:
        self._build(home, told, "before", home / "houses")
        self._build(home, told, "after", home / "edited" / "houses")

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        there = {a.data_version: a for a in committed(home)}
        assert {version for _, _, version in facts} <= set(there), "an index is lost"
        assert all(load_documents(a) for a in there.values())

    def result(self, home: Path) -> Any:
        """LanceDB's files have random names, so what is compared is what is found."""
        found = {a.data_version: LoreRetriever(index_folder(a), _lore()) for a in committed(home)}
        return {version: retriever.bundle(scenario()).model_dump() for version, retriever in found.items()}

    def _build(self, home: Path, told: Told, word: str, pack: Path) -> None:
        built = build_lore_index(ArtifactStore(home / "artifacts"), read_pack(pack), _lore())
        told("index", word, built.artifact.data_version)


class PaidGeneration:
    """A generation by a paid teacher behind a real server that bills a repeated key once."""

    def run(self, home: Path, told: Told) -> None:
        config = override(preset("smoke"), SETTINGS | {"lore": _lore().model_dump()})
        built = build_trajectories(ArtifactStore(home / "artifacts"), PACK, pins(home), config, None)
        told("generation", built.artifact.data_version)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        there = {a.data_version: a for a in committed(home)}
        assert {version for _, version in facts} <= set(there), "a generation is lost"
        sound_databases(home)
        questions = Counter(e.question for e in billed(_log(home)))
        assert max(questions.values(), default=1) == 1, "a question was paid twice"
        with closing(SqliteLedger(home / LEDGER)) as ledger:
            spent = ledger.statement(now_iso()[:7]).get("all", Balance())
        assert spent.committed + spent.held >= bill(_log(home)), "less is counted than the vendor bills"
        if exact and facts:
            assert (spent.committed, spent.held) == (bill(_log(home)), 0)

    def result(self, home: Path) -> Any:
        made = [a for a in committed(home) if a.manifest.asset == "trajectories"]
        rows = [t.model_copy(update={"seconds": 0.0}) for a in made for t in read_trajectories(a.path)]
        return [a.data_version for a in made], [t.model_dump() for t in rows]


def lore_template(folder: Path) -> Path:
    """A home with a small pack, and the same one with a section changed."""
    write_pack(folder / "houses")
    changed = write_pack(folder / "edited" / "houses") / "lore" / "region-moss-vale.md"
    changed.write_text(changed.read_text().replace(OLD, NEW), encoding="utf-8")
    return folder


def encoder(folder: Path) -> dict[str, str]:
    """The environment that names a small encoder for all homes: its path is a setting."""
    return {ENCODER: str(write_encoder(folder / "encoder", list(LORE.values())))}


def paid_environment(home: Path) -> dict[str, str]:
    return {"SRL_PACKS": str(home / "packs"), "SRL_TEACHERS": str(home / "teachers.yaml"), KEY_VARIABLE: KEY}


def paid_template(home: Path, port: int) -> Path:
    """A home with a pack, a teacher behind a port of this machine, and its pins. The environment names the home."""
    (home / "packs").mkdir(parents=True)
    new_pack(PACK, home / "packs")
    url = f"http://127.0.0.1:{port}/v1"
    Paid(home).hire("openai", url, honours_idempotency_key=True, limits={"concurrency": 2, "attempts": 4})
    pins(home)
    return home


@contextmanager
def vendor(home: Path, port: int) -> Iterator[None]:
    """The teacher's server, for one home: what it billed is known by its own log."""
    with OpenAIServer(_log(home), answer=Expert(PACK), key=KEY, honours_idempotency=True, port=port) as server:
        yield
        assert server.invalid == []


def pins(home: Path) -> Sources:
    """What a generation rests on, made or found."""
    store, pack = ArtifactStore(home / "artifacts"), load_pack(PACK)
    return Sources(
        lore_index=build_lore_index(store, pack, _lore()).artifact.data_version,
        teacher_model=build_teacher_pin(store, PACK, "").artifact.data_version,
        rule_set=build_rule_set(store, pack).artifact.data_version,
    )


def _lore() -> LoreConfig:
    return LoreConfig(budget_tokens=160, embedder=os.environ[ENCODER])


def _log(home: Path) -> Path:
    """Of the vendor of this home, outside of it."""
    return home.with_name(home.name + ".log")
