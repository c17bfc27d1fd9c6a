"""The real Dagster layer over fake domain builders, replaced only at the edge, where the assets import them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import srl_pipeline.evaluation
import srl_pipeline.generation
import srl_pipeline.lore
import srl_pipeline.selection  # imports `promotion`, which is replaced below
import srl_pipeline.teachers
import srl_pipeline.verification
from srl_pipeline.clock import now_iso
from srl_pipeline.contracts import Gate, Manifest, TeacherRef
from srl_pipeline.definitions import defs
from srl_pipeline.defs.checks import GATES
from srl_pipeline.generation.data_card import DataCard, data_card, write_card
from srl_pipeline.generation.tally import Tally
from srl_pipeline.model_types import find_packs
from srl_pipeline.registry import ArtifactStore, Built, Decision, Decisions, Outcome, build_or_reuse

TABLES = {
    "trajectories": (
        "trajectories.parquet",
        ["brief", "difficulty", "variant", "strategy", "novelty", "soft_cost", "revisions", "record"],
    ),
    "verified_rewards": (
        "rewards.parquet",
        ["trajectory_id", "accepted", "split", "outcome_reward", "step_compliance", "violations", "record"],
    ),
}
MODEL, OTHER_MODEL = list(find_packs())[:2]


@cache
def loaded() -> dg.Definitions:
    """The product's definitions, loaded once."""
    return defs()


def empty_card(model_type: str) -> DataCard:
    """The card of a generation that made nothing."""
    teacher, tally = TeacherRef(name="search", version="1"), Tally([], lambda axis, value: str(value))
    return data_card(
        model_type, 1, teacher, tally, shares={}, share_reasons={}, drawing={}, coverage_pairs=0.0, coverage_ever=0.0,
        learned_from=[], cost=None, seconds=0.0,
    )  # fmt: skip


@dataclass
class FakeDomain:
    """Builders that make tiny real artifacts in a real store; what they are told is kept."""

    content: dict[str, str] = field(
        default_factory=lambda: {"lore_index": "l1", "teacher_model": "t1", "rule_set": "r1"}
    )
    failing_gates: dict[str, str] = field(default_factory=dict)
    raises: dict[str, Exception] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    parents: list[str | None] = field(default_factory=list)
    extra_gates: list[Gate] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    def build(
        self, store: ArtifactStore, asset: str, model_type: str, inputs: dict[str, str], version: str | None = None
    ) -> Built:
        if error := self.raises.get(asset):
            raise error
        self.inputs[asset] = inputs
        upstream = {name: store.require(name, model_type, data_version) for name, data_version in inputs.items()}

        def make(work: Path) -> Outcome:
            self.made.append(asset)
            (work / "data.txt").write_text(asset)
            if asset in TABLES:
                file, columns = TABLES[asset]
                pq.write_table(pa.table({name: [f"{name} {i}" for i in range(30)] for name in columns}), work / file)
            for file in {"weaknesses": ["weaknesses.md"], "registered_model": ["README.md"]}.get(asset, []):
                (work / file).write_text("text", encoding="utf-8")
            if asset == "trajectories":
                write_card(work, empty_card(model_type))
            names = GATES.get(asset, {})
            gates = [Gate(name=name, passed=self.failing_gates.get(asset) != name, value=0.5) for name in names]
            return Outcome(metrics={"pass_rate": 0.25}, gates=[*gates, *self.extra_gates], notes={"stages": []})

        return build_or_reuse(
            store, asset, model_type, inputs=upstream, config={}, code="", make=make, data_version=version
        )


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a tick would leave packs to the next one; tests that want that say so."""
    monkeypatch.setattr("srl_pipeline.defs.rota.LOOK_SECONDS", 600.0)


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> FakeDomain:
    fake = FakeDomain()

    def replace(module: ModuleType, name: str, builder: Callable[..., Any]) -> None:
        monkeypatch.setitem(vars(module), name, builder)

    def pin(asset: str) -> Callable[..., Built]:
        def build(store: ArtifactStore, pack: Any, *_: Any) -> Built:
            model_type = pack if isinstance(pack, str) else pack.name
            return fake.build(store, asset, model_type, {}, fake.content[asset])

        return build

    def trajectories(store: ArtifactStore, model_type: str, sources: Any, config: Any, parent: Any) -> Built:
        fake.parents.append(parent.data_version if parent else None)
        return fake.build(store, "trajectories", model_type, sources.model_dump())

    def rewards(store: ArtifactStore, model_type: str, version: str, sources: Any, config: Any) -> Built:
        return fake.build(store, "verified_rewards", model_type, {"trajectories": version} | sources.model_dump())

    replace(srl_pipeline.lore, "build_lore_index", pin("lore_index"))
    replace(srl_pipeline.evaluation, "markdown_with_inline_plots", lambda folder: "# Report")
    replace(srl_pipeline.evaluation, "find_steps_page", lambda folder: folder / "steps.html")
    replace(srl_pipeline.teachers, "build_teacher_pin", pin("teacher_model"))
    replace(srl_pipeline.verification, "build_rule_set", pin("rule_set"))
    replace(srl_pipeline.generation, "build_trajectories", trajectories)
    replace(srl_pipeline.generation, "build_verified_rewards", rewards)
    board = ModuleType("leaderboard")
    board.leaderboard = lambda entries: [(name, manifest) for name, manifest in entries]  # type: ignore[attr-defined]
    board.leaderboard_markdown = _board_markdown  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "srl_pipeline.evaluation.leaderboard", board)
    requests = ModuleType("requests")
    requests.stage_request = lambda store, stage, model_type, inputs, config: SimpleNamespace(  # type: ignore[attr-defined]
        store=store, stage=stage, model_type=model_type, inputs=inputs
    )
    monkeypatch.setitem(sys.modules, "srl_pipeline.stages.requests", requests)
    monkeypatch.setattr(
        "srl_pipeline.defs.stages.run_locally",
        lambda context, r, *, withheld: fake.build(r.store, r.stage, r.model_type, r.inputs),
    )
    _replace_what_follows_an_evaluation(fake, monkeypatch)
    versions = {"definition": SimpleNamespace(version="r1"), "lore_version": "l1"}
    pack = SimpleNamespace(name=MODEL, spec=SimpleNamespace(training={}), **versions)
    for module in ("srl_pipeline.defs.resources", "srl_pipeline.defs.making"):
        monkeypatch.setattr(f"{module}.load_pack", lambda name: SimpleNamespace(**{**vars(pack), "name": name}))
    return fake


def _replace_what_follows_an_evaluation(fake: FakeDomain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weaknesses, registered models and the page by hand; decisions are kept in the real register."""

    def current(store: ArtifactStore, version: str, report: Any, pins: dict[str, str], *_: Any) -> Built:
        fake.current.append(version)
        return fake.build(store, "current_evaluation", report.manifest.model_type, pins)

    def weaknesses(store: ArtifactStore, model_type: str, report: Any, current: Any, history: Any, _: Any) -> Built:
        fake.history = [entry.asset for entry in history]
        inputs = {a.manifest.asset: a.data_version for a in (report, current)}
        return fake.build(store, "weaknesses", model_type, inputs)

    def registered(store: ArtifactStore, model_type: str, inputs: dict[str, str], _: Any) -> Built:
        return fake.build(store, "registered_model", model_type, inputs)

    def promote(store: ArtifactStore, decisions: Decisions, model_type: str, *, registered: str, **_: Any) -> Decision:
        version, before = registered, decisions.aliases(model_type).get("current", "")
        if version == before:
            return decisions.decisions(model_type, kind="promotion")[0]
        decision = Decision(
            at=now_iso(), model_type=model_type, kind="promotion", verdict="change", subject=version, before=before,
            after=version, reasons=["It solves more."],
        )  # fmt: skip
        return decisions.record(decision, aliases={"current": version})

    def status(home: Path) -> Path:
        page = home / "status.html"
        page.write_text("status", encoding="utf-8")
        return page

    for name, content in {
        "stages.current": {"build_current_evaluation": current},
        "weaknesses": {"build_weaknesses": weaknesses},
        "promotion": {
            "build_registered_model": registered,
            "promote": promote,
            "explain": lambda decisions, store, model_type: [f"{model_type} is explained."],
        },
        "dashboard": {"write_status": status},
    }.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, f"srl_pipeline.{name}", module)


def _board_markdown(rows: list[tuple[str, Manifest | None]]) -> str:
    return "\n".join(f"{name}: {'yes' if manifest else 'no'}" for name, manifest in rows)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@dataclass
class Runner:
    """Runs jobs of the real definitions in this process."""

    instance: dg.DagsterInstance
    home: Path

    def run(
        self, assets: list[str] | None = None, model_type: str = MODEL, job: str = "regenerate"
    ) -> dg.ExecuteInProcessResult:
        return (
            loaded()
            .resolve_job_def(job)
            .execute_in_process(
                instance=self.instance,
                partition_key=model_type,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
                run_config={"resources": {"pipeline": {"config": {"home": str(self.home)}}}},
            )
        )


@pytest.fixture
def runner(instance: dg.DagsterInstance, tmp_path: Path, domain: FakeDomain) -> Runner:
    return Runner(instance, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")
