"""Test-only: an installation in which the documentation's commands are executed.

It has a pack, models, a vendor and a tuning job. One real chain trains the pack on the preset `smoke`, its stages in
this process. Its model is current; copies of it stand as the previous one and as a candidate.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from srl_pipeline.clock import now_iso
from srl_pipeline.registry import ArtifactStore, Decision, Outcome, SqliteDecisions, build_or_reuse
from srl_pipeline.registry.decisions import Alias
from srl_pipeline_tests.generation.paid import KEY_VARIABLE
from srl_pipeline_tests.operation.month import _stages_in_this_process
from srl_pipeline_tests.operation.workshop import PACK, Skilled, open_workshop
from srl_pipeline_tests.tuning import vendor_cases
from srl_pipeline_tests.tuning.providers.openai_cases import KEY

TRAINING: dict[str, Any] = {
    "generation.scenarios": 24,
    "generation.candidates": 1,
    "generation.teacher": "search",  # named, so that a decision for the same changes nothing
    "lore.budget_tokens": 60,
    "warmup.steps": 40,
    "srl.steps": 1,
    "rlvr.steps": 1,
    "srl.step_samples": 0,
    "rlvr.step_samples": 0,
    "evaluation.scenarios": 4,
    "evaluation.latency_scenarios": 1,
    "selection.tasks": 4,
    "selection.candidates": ["search", "base"],
}
"""Of the pack: as little as leaves a model that solves something."""
CHANGED = ("home", "packs")
"""What commands may change."""
BUDGET = {"budget.month_usd": 1000.0}


@dataclass
class World:
    """The prepared installation.

    Attributes:
        values: What stands for the names in braces of `table`.
    """

    folder: Path
    values: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def point(self, **aliases: str | None) -> None:
        """Let a decision move aliases."""
        self._decide("promotion", aliases.get("current") or aliases.get("candidate") or "", aliases=aliases)

    def keep(self) -> None:
        """Remember how all is now."""
        for name in CHANGED:
            _copy(self.folder / name, self.folder / "kept" / name)

    def restore(self) -> None:
        """As it was kept, whatever commands have done."""
        for name in CHANGED:
            shutil.rmtree(self.folder / name)
            _copy(self.folder / "kept" / name, self.folder / name)

    def register(self, name: str) -> str:
        """A registered model with the files and figures of the one that was trained; its version."""
        store = ArtifactStore(self.home / "artifacts")
        trained = store.require("registered_model", PACK, self.values["current"])

        def make(work: Path) -> Outcome:
            for file in trained.manifest.digests:
                (work / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(trained.path / file, work / file)
            return Outcome(metrics=trained.manifest.metrics, gates=[], notes=trained.manifest.notes)

        inputs = {asset: store.require(asset, PACK, version) for asset, version in trained.manifest.inputs.items()}
        built = build_or_reuse(
            store, "registered_model", PACK, inputs=inputs, config={"copy": name}, code="test", make=make
        )
        return built.artifact.data_version

    def decided_setting(self) -> None:
        """A teacher that was decided for the type: the one that teaches it anyway."""
        self._decide("teacher", "search", settings={"generation.teacher": "search"})

    def _decide(self, kind: Any, after: str, **what: Any) -> None:
        with closing(SqliteDecisions(self.home / "decisions.sqlite")) as decisions:
            decisions.record(
                Decision(
                    at=now_iso(),
                    model_type=PACK,
                    kind=kind,
                    verdict="change",
                    subject=after,
                    before="",
                    after=after,
                    reasons=["It was prepared so."],
                ),
                **what,
            )

    def aliases(self) -> dict[Alias, str]:
        with closing(SqliteDecisions(self.home / "decisions.sqlite")) as decisions:
            return decisions.aliases(PACK)


@contextmanager
def prepared(folder: Path) -> Iterator[World]:
    """The installation in ``folder``, which this process finds by its environment; its vendor answers meanwhile."""
    os.environ |= {
        "SRL_HOME": str(folder / "home"),
        "DAGSTER_HOME": str(folder / "home" / "dagster"),
        "SRL_PACKS": str(folder / "packs"),
        "SRL_PRESET": "smoke",
        "SRL_SETTINGS": json.dumps(BUDGET),
        "SRL_TEACHERS": str(folder / "teachers.yaml"),
        "SRL_TUNING": str(folder / "tuning.yaml"),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "120",
        KEY_VARIABLE: KEY,
        "KEY": "a-long-random-text",
    }
    for name in [n for n in os.environ if n in ("SRL_STORE", "SRL_STATE", "SRL_TUNED_TEACHERS", "SRL_SAGEMAKER")]:
        del os.environ[name]
    open_workshop(folder / "packs")
    pack = folder / "packs" / PACK / "pack.yaml"
    spec = yaml.safe_load(pack.read_text(encoding="utf-8"))
    spec["training"] = spec.get("training", {}) | TRAINING
    pack.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    _stages_in_this_process()
    knows = Skilled(folder / "packs", "base", fails=0.0)
    with vendor_cases.openai(folder, knows, knows) as case:  # type: ignore[arg-type]
        teachers = {"search": {"kind": "search"}, "base": case.teacher}
        listed = {"version": 1, "teachers": teachers, "responsibilities": {"default": "search"}}
        (folder / "teachers.yaml").write_text(yaml.safe_dump(listed), encoding="utf-8")
        tuners = {"version": 1, "tuners": {"tuner": {**case.tuner, "teacher": "base"}}}
        (folder / "tuning.yaml").write_text(yaml.safe_dump(tuners), encoding="utf-8")
        world = World(folder)
        _fill(world)
        world.keep()
        yield world


def _fill(world: World) -> None:
    invoke("run", PACK, "--json")
    version = world.aliases().get("current")
    assert version, "the model that was trained is not current"
    world.values |= {"type": PACK, "current": version}
    previous, candidate = world.register("previous"), world.register("candidate")
    world.point(current=version, previous=previous, candidate=candidate)
    world.decided_setting()
    invoke("tune", PACK, "--provider", "openai", "--confirm", "--no-wait", "--json")
    [job] = json.loads(invoke("tunings", "--json"))
    world.values |= {"previous": previous, "candidate": candidate, "job": job["key"]}


def invoke(*words: str) -> str:
    """What a command that must succeed prints."""
    from srl_pipeline.cli.app import app

    answer = CliRunner().invoke(app, list(words))
    if answer.exit_code:
        raise AssertionError(f"{' '.join(words)}: {answer.exception}\n{answer.output}")
    return answer.stdout


def _copy(source: Path, target: Path) -> None:
    """Artifacts are linked: no command writes into one."""

    def copy(file: str, to: str) -> str:
        (os.link if "/artifacts/" in file else shutil.copy2)(file, to)
        return to

    shutil.copytree(source, target, copy_function=copy)
