"""Test-only: an installation with a small pack, verified trajectories, and one vendor whose model is tuned."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.presets import preset
from srl_pipeline.registry import (
    DECISIONS,
    LEDGER,
    ArtifactStore,
    Balance,
    SqliteDecisions,
    SqliteLedger,
    StoredArtifact,
)
from srl_pipeline.tuning.catalog import read_tuners
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.plan import Plan
from srl_pipeline.tuning.work import DATASET, Work
from srl_pipeline_tests.generation.paid import PACK
from srl_pipeline_tests.selection.market import pack_in
from srl_pipeline_tests.tuning.vendor_cases import Case

TUNER, BASE = "tuner", "base"
TASKS = 4
SCENARIOS = 16
"""Whose solutions the data set holds."""


@dataclass(frozen=True)
class Studio:
    """What a person has: a home, `teachers.yaml`, `tuning.yaml`."""

    home: Path
    encoder: Path
    dataset_version: str

    def open(self, case: Case, **tuner: Any) -> None:
        """Write both files for a vendor."""
        teachers = {"search": {"kind": "search"}, BASE: case.teacher}
        listed = {"version": 1, "teachers": teachers, "responsibilities": {"default": BASE}}
        (self.home / "teachers.yaml").write_text(yaml.safe_dump(listed), encoding="utf-8")
        tuners = {TUNER: {**case.tuner, "teacher": BASE, **tuner}}
        (self.home / "tuning.yaml").write_text(yaml.safe_dump({"version": 1, "tuners": tuners}), encoding="utf-8")

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.home / "artifacts")

    @property
    def dataset(self) -> StoredArtifact:
        return self.store.require(DATASET, PACK, self.dataset_version)

    def config(self, **settings: Any) -> PipelineConfig:
        with closing(SqliteDecisions(self.home / DECISIONS)) as decisions:
            decided = decisions.settings(PACK)
        chosen = {
            "budget.month_usd": 1000.0,
            "selection.tasks": TASKS,
            "generation.max_revisions": 0,
            "lore.embedder": str(self.encoder),
        }
        return override(preset("smoke"), chosen | decided | {n.replace("__", "."): v for n, v in settings.items()})

    @contextmanager
    def work(self, **settings: Any) -> Iterator[Work]:
        """As a process has it; ``settings`` with ``__`` for the dot."""
        with closing(SqliteDecisions(self.home / DECISIONS)) as decisions:
            pack = pack_in(os.environ["SRL_PACKS"])
            yield Work(self.home, self.store, decisions, pack, self.config(**settings), attempts=4)

    def plan(self, *, again: bool = False, **settings: Any) -> Plan:
        """What would be done."""
        with self.work(**settings) as work:
            return work.plan(self.dataset, TUNER, read_tuners().get(TUNER), again=again)

    def begin(self, *, again: bool = False, **settings: Any) -> str:
        """Keep the planned job; its key."""
        plan = self.plan(again=again, **settings)
        with self.work(**settings) as work:
            return work.begin(plan).key

    def see_through(self, *, again: bool = False, **settings: Any) -> TuningJob:
        """Begin, or go on, until the job is over."""
        key = self.begin(again=again, **settings)
        with self.work(**settings) as work:
            return work.follow(key, 0.0, lambda job: None)

    def job(self) -> TuningJob:
        """The newest one."""
        with self.work() as work, work.jobs() as jobs:
            return jobs.jobs(PACK)[0]

    def booked(self, job: TuningJob) -> Balance:
        """What the ledger says of a job."""
        with closing(SqliteLedger(self.home / LEDGER)) as ledger:
            return ledger.spent_by_run(job.run)

    def decisions(self, kind: Any = "tuning") -> list[Any]:
        with closing(SqliteDecisions(self.home / DECISIONS)) as decisions:
            return decisions.decisions(PACK, kind=kind)
