"""Test-only driver of the sensor's ticks: what a daemon that dies in the middle of one leaves to the next.

A tick is the real decision and the real record of it. What is Dagster's is done here in Dagster's order: each run that
is asked for is launched unless its key is known, and the cursor is kept last.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import dumps
from srl_pipeline.clock import now, now_iso
from srl_pipeline.config import RetrainingConfig
from srl_pipeline.registry import DECISIONS, SqliteDecisions
from srl_pipeline.registry.artifacts import disk_errors, write_durably
from srl_pipeline.retraining import Observed, Signal, Versions, plan
from srl_pipeline.retraining.record import KEY, record
from srl_pipeline_tests.chaos.child import Told
from srl_pipeline_tests.chaos.drivers import Facts
from srl_pipeline_tests.chaos.invariants import sound_databases

TYPES = ("boats", "inns")
AT_ONCE = RetrainingConfig(quiet_seconds=0)
START = Versions(teacher="t1", rules="r1", lore="l1", student="tiny")
CHANGED = START.model_copy(update={"rules": "r2"})
WEAK = Signal(kind="weakness", key="weakness:w1", why="Two slices are weak.")
WORLD = (Observed(START, AT_ONCE), Observed(CHANGED, AT_ONCE), Observed(CHANGED, AT_ONCE, (WEAK,)))
"""What each tick finds of every model type: nothing new, another rule, a weakness."""


class Ticks:
    """Three ticks over two model types: seen, changed, weak."""

    def run(self, home: Path, told: Told) -> None:
        state, runs = home / "daemon.json", home / "runs"
        with disk_errors(runs):
            runs.mkdir(exist_ok=True)
        with closing(SqliteDecisions(home / DECISIONS)) as decisions:
            while (done := _read(state))["ticks"] < len(WORLD):
                decided = plan(done["cursor"], dict.fromkeys(TYPES, WORLD[done["ticks"]]), now())
                record(decisions, decided.requests, decided.refusals, now_iso())
                for request in decided.requests:
                    if not (runs / request.run_key).exists():
                        write_durably(runs / request.run_key, request.model_type)
                        told("run", request.run_key)
                write_durably(state, dumps({"ticks": done["ticks"] + 1, "cursor": decided.cursor}))

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        if not (home / DECISIONS).exists():
            assert not facts
            return
        launched = {file.name for file in (home / "runs").glob("[!.]*") if file.suffix != ".tmp"}
        assert {key for _, key in facts} <= launched and len(facts) == len(set(facts)), "a run was started twice"
        with closing(SqliteDecisions(home / DECISIONS)) as decisions:
            recorded = [d.evidence[KEY] for d in decisions.decisions(kind="retraining")]
        assert len(recorded) == len(set(recorded)), "a decision is doubled"
        assert launched <= set(recorded), "a run without its decision"
        sound_databases(home)

    def result(self, home: Path) -> Any:
        with closing(SqliteDecisions(home / DECISIONS)) as decisions:
            why = [(d.model_type, d.subject, d.reasons) for d in reversed(decisions.decisions(kind="retraining"))]
            settings = {name: decisions.settings(name) for name in TYPES}
        return why, settings, sorted(file.name for file in (home / "runs").iterdir())


def _read(state: Path) -> dict[str, Any]:
    return json.loads(state.read_text()) if state.exists() else {"ticks": 0, "cursor": None}
