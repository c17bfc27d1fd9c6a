"""Test-only: a pack of one step, a student that learned one answer to it, and registered models of it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import torch
from openai import OpenAI
from transformers import LlamaConfig, LlamaForCausalLM

from srl_pipeline.clock import now_iso
from srl_pipeline.config import LoreConfig, PipelineConfig, ServingConfig, StudentConfig
from srl_pipeline.lore import build_lore_index
from srl_pipeline.model_types import load_pack
from srl_pipeline.registry import (
    Alias,
    ArtifactStore,
    Decision,
    Outcome,
    SqliteDecisions,
    StoredArtifact,
    build_or_reuse,
)
from srl_pipeline.serving import Journal
from srl_pipeline.serving.loading import load_model
from srl_pipeline.serving.server import Server
from srl_pipeline.serving.service import Service
from srl_pipeline.serving.watch import registry_actions
from srl_pipeline.training.students.adapters import with_adapter
from srl_pipeline.training.students.policy_weights import save
from srl_pipeline.training.students.student import load_student
from srl_pipeline.training.students.tiny_student import _tokenizer
from srl_pipeline.verification import build_rule_set
from srl_pipeline_tests.lore.tiny_encoder import write_encoder
from srl_pipeline_tests.lore.tiny_world import LORE, write_pack
from srl_pipeline_tests.training.world import shake

MODEL = "houses"
SOLVED = {"region": "moss_vale", "trade": "smith"}
"""A scenario to which the student's one answer is right."""
UNSOLVED = {"region": "salt_coast", "trade": "smith"}
"""One to which it is wrong."""
ANSWER = '## 1. Walls\n{"stone":"granite"}\n'
TEMPLATE = "{% for m in messages %}{% if m.role == 'assistant' and loop.first %}{{ raise_exception('no') }}{% endif %}"
TEMPLATE += "[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]\n"
LORA = StudentConfig(name="set below", dtype="float32", lora_rank=4, lora_alpha=8)
EVALUATION = "version: 1\nscenarios:\n  - {region: moss_vale, trade: baker}\n"
PATIENCE = 20.0
"""Seconds that a test waits for what takes a fraction of one."""
CONNECTIONS = httpx2.Client(verify=False)
"""Of all clients: reading the certificates for each takes longer than a request."""


@dataclass
class World:
    """An installation with models of one type."""

    home: Path
    store: ArtifactStore
    decisions: SqliteDecisions
    student: Path
    inputs: dict[str, str] = field(default_factory=dict)

    def register(self, name: str, noise: float = 0.0) -> str:
        """A registered model whose adapter is the student's own answer, or noise; its version."""
        config = PipelineConfig(preset="test", device="cpu", student=LORA)

        def make(work: Path) -> Outcome:
            student = load_student(self.student, config)
            model = with_adapter(student, LORA, None, 3)
            if noise:
                shake(model, noise)
            save(model, student, work)
            return Outcome(metrics={}, gates=[])

        given = {asset: self.store.require(asset, MODEL, version) for asset, version in self.inputs.items()}
        built = build_or_reuse(
            self.store, "registered_model", MODEL, inputs=given, config={"name": name}, code="test", make=make
        )
        return built.artifact.data_version

    def artifact(self, version: str) -> StoredArtifact:
        return self.store.require("registered_model", MODEL, version)

    def point(self, **aliases: str | None) -> Decision:
        """Move aliases by a promotion."""
        after = aliases.get("current") or ""
        decision = Decision(
            at=now_iso(),
            model_type=MODEL,
            kind="promotion",
            verdict="change",
            subject=after,
            before="",
            after=after,
            reasons=["The test says so."],
        )
        moved: Any = aliases
        return self.decisions.record(decision, aliases=moved)

    @contextmanager
    def serve(
        self,
        *,
        alias: Alias = "current",
        shadow: Alias | None = None,
        token: str | None = None,
        load: Callable[[str], Any] | None = None,
        **settings: Any,
    ) -> Iterator[Served]:
        """A real server on a free port."""
        config = ServingConfig(**({"poll_seconds": 0.05, "max_tokens": 64} | settings))
        service = Service(
            self.home,
            self.decisions,
            MODEL,
            alias=alias,
            shadow=shadow,
            config=config,
            load=load or (lambda version: load_model(self.store, MODEL, version, config, "cpu")),
            actions=registry_actions(self.store, self.decisions, MODEL),
        )
        server = Server(service, "127.0.0.1", 0, token)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait(lambda: server.started, "the server starts")
        try:
            yield Served(self, service, server.url, token)
        finally:
            server.stop()
            thread.join()
            service.close()


@dataclass
class Served:
    """A running server and its clients."""

    world: World
    service: Service
    url: str
    token: str | None

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    @cached_property
    def client(self) -> OpenAI:
        """The vendor's SDK."""
        key = self.token or "unused"
        return OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=PATIENCE, http_client=CONNECTIONS)

    def ask(self, scenario: Mapping[str, str | float] = SOLVED, **more: Any) -> Any:
        """A scenario through the SDK."""
        body: Any = {"scenario": dict(scenario)}
        return self.client.chat.completions.create(model=MODEL, messages=[], extra_body=body, **more)

    def post(self, body: Any = None, **options: Any) -> httpx2.Response:
        """A raw request."""
        if body is not None:
            options["json"] = body
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        options["headers"] = headers | options.get("headers", {})
        return CONNECTIONS.post(f"{self.url}/chat/completions", timeout=PATIENCE, **options)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return CONNECTIONS.get(self.origin + path, headers=headers, timeout=PATIENCE)

    def health(self) -> dict[str, Any]:
        return self.service.health()

    def count(self, sample: str) -> float:
        """The value of a sample of /metrics, written as there; 0 where there is none."""
        lines = self.service.metrics().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample), 0.0)

    def live(self) -> list[Any]:
        journal = Journal(self.world.home)
        try:
            return journal.live(MODEL)
        finally:
            journal.close()


def wait(condition: Callable[[], Any], what: str) -> None:
    """Until ``condition`` holds; fails with ``what`` after `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"did not happen: {what}"
        time.sleep(0.01)


def make_world(folder: Path) -> World:
    """Pack, lore, rules, a student, and the training that a lineage names; ``SRL_PACKS`` must be ``folder/packs``."""
    pack_folder = write_pack(folder / "packs" / MODEL)
    (pack_folder / "evaluation.yaml").write_text(EVALUATION, encoding="utf-8")
    home = folder / "home"
    store, pack = ArtifactStore(home / "artifacts"), load_pack(MODEL)
    student = write_student(folder / "students" / "one-answer")
    lore = LoreConfig(budget_tokens=48, embedder=str(write_encoder(folder / "encoder", list(LORE.values()))))
    pins = {
        "lore_index": build_lore_index(store, pack, lore).artifact,
        "rule_set": build_rule_set(store, pack).artifact,
    }
    config = {
        "student": LORA.model_copy(update={"name": str(student)}).model_dump(mode="json"),
        "lore": lore.model_dump(mode="json"),
    }
    trained = build_or_reuse(
        store,
        "rlvr_checkpoint",
        MODEL,
        inputs=pins,
        config=config,
        code="test",
        make=lambda work: Outcome(metrics={}, gates=[]),
    ).artifact
    found = {**pins, "rlvr_checkpoint": trained}
    decisions = SqliteDecisions(home / "decisions.sqlite")
    return World(home, store, decisions, student, {name: a.data_version for name, a in found.items()})


def copy_world(world: World, folder: Path) -> World:
    """An installation of its own, with the same artifacts; a test may alter it. Nothing is decided in it."""
    home = folder / "home"
    shutil.copytree(world.home / "artifacts", home / "artifacts")
    decisions = SqliteDecisions(home / "decisions.sqlite")
    return World(home, ArtifactStore(home / "artifacts"), decisions, world.student, world.inputs)


def write_student(folder: Path) -> Path:
    """A Llama that learned to answer whatever is asked with one artefact, well enough to be certain of it."""
    texts = [*LORE.values(), ANSWER]
    tokenizer = _tokenizer(texts)
    torch.manual_seed(5)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=False,
        )
    )
    head, body = ANSWER.splitlines(keepends=True)  # the prompt ends with the heading, so they are apart
    answer = [i for part in (head, body) for i in tokenizer(part, add_special_tokens=False)["input_ids"]]
    answer.append(tokenizer.eos_token_id)
    generator = torch.Generator().manual_seed(5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(120):
        before = torch.randint(len(tokenizer), (4, 40), generator=generator)
        ids = torch.cat([before, torch.tensor([answer] * 4)], dim=1)
        labels = torch.cat([torch.full_like(before, -100), ids[:, before.shape[1] :]], dim=1)
        shift = torch.randint(300, (4, 1), generator=generator)
        model(input_ids=ids, labels=labels, position_ids=torch.arange(ids.shape[1])[None] + shift).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
