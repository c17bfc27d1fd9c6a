"""Test-only: an installation with a small pack and scripted teachers behind real servers on this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import DECISIONS, ArtifactStore, Decision, SqliteDecisions
from srl_pipeline.selection import consider, select_teacher, teacher_question
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK
from srl_pipeline_tests.vendors.expert import Expert
from srl_pipeline_tests.vendors.server import VendorServer

TASKS = 4


@lru_cache(maxsize=1)
def pack_in(packs: str) -> Pack:
    """The pack of a folder of packs, which no test changes: to read it takes longer than to decide by it."""
    return load_pack(PACK)


@lru_cache(maxsize=1)
def expert_in(packs: str) -> Expert:
    """The expert of that pack; it keeps no state."""
    return Expert(PACK, mistakes=0.0)


class Flawed:
    """An expert that never gets the first ``failed`` scenarios right that it is asked about."""

    def __init__(self, expert: Expert, failed: int) -> None:
        self._expert, self._failed = expert, failed
        self._met: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        scenario = self._expert._scenario(prompt).id
        with self._lock:
            if scenario not in self._met:
                self._met.append(scenario)
            wrong = self._met.index(scenario) < self._failed
        return "I do not know." if wrong else self._expert(prompt, schema, request)


@dataclass
class Market:
    """Teachers by name, as `teachers.yaml` lists them.

    Attributes:
        encoder: Folder of the encoder of the lore.
        settings: What every configuration has beside the preset.
    """

    home: Path
    serve: Callable[..., VendorServer]
    encoder: Path
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    entries: dict[str, dict[str, Any]] = field(default_factory=lambda: {"search": {"kind": "search"}})
    responsible: str = "search"

    def hire(self, name: str, failed: int = 0, usd: float = 1.0, faults: str = "", **changes: object) -> VendorServer:
        """A teacher that fails so many scenarios; ``usd`` is its price of a million tokens in and out."""
        server = self.serve("openai", faults, answer=Flawed(expert_in(os.environ["SRL_PACKS"]), failed))
        self.entries[name] = {
            "kind": "openai",
            "model": f"model-of-{name}",
            "endpoint": server.url,
            "api_key_env": KEY_VARIABLE,
            "terms": {"training_allowed": True, "source": "a test", "as_of": "2026-11-01"},
            "limits": {"concurrency": 4, "timeout_seconds": 5.0, "attempts": 2},
            **changes,
        }
        self.price(name, usd)
        return server

    def price(self, name: str, usd: float) -> None:
        """What a million tokens cost from now on."""
        self.entries[name]["price"] = {"input": usd, "output": usd, "as_of": "2026-11-01"}
        self.write()

    def write(self) -> None:
        file = {"version": 1, "teachers": self.entries, "responsibilities": {"default": self.responsible}}
        (self.home / "teachers.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")

    @property
    def pack(self) -> Pack:
        return pack_in(os.environ["SRL_PACKS"])

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.home / "artifacts")

    def decisions(self) -> SqliteDecisions:
        return SqliteDecisions(self.home / DECISIONS)

    def config(self, **settings: object) -> PipelineConfig:
        """As a run would have it, with what was decided before; ``settings`` with ``__`` for the dot."""
        chosen: dict[str, Any] = {
            "budget.month_usd": 100.0,
            "selection.tasks": TASKS,
            "selection.candidates": sorted(self.entries),
            "selection.weights": {"quality": 0.8, "cost": 0.2, "latency": 0.0},
            "generation.max_revisions": 0,
            "lore.embedder": str(self.encoder),
        }
        chosen |= self.settings | self.decisions().settings(PACK)
        return override(preset("smoke"), chosen | {name.replace("__", "."): v for name, v in settings.items()})

    def select(self, **settings: object) -> Decision | None:
        """One check, if one is due."""
        return select_teacher(self.home, self.store, self.decisions(), self.pack, self.config(**settings))

    def consider(self, **settings: object) -> Decision:
        """What would be decided."""
        question = teacher_question(self.home, self.store, self.pack, self.config(**settings))
        return consider(question, self.decisions())
