"""State as months of operation leave it, written at once: what is measured is reading it and adding to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from srl_pipeline.canonical import digest, dumps
from srl_pipeline.clock import now_iso
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.registry import Decision, Entry
from srl_pipeline.registry.sqlite_decisions import DECISIONS, SqliteDecisions
from srl_pipeline.registry.sqlite_history import HISTORY, SqliteHistory
from srl_pipeline.retraining.record import KEY

ASSETS = tuple(name for name in INPUTS if name not in ("promotion", "leaderboard", "status_page"))
"""Assets of which each generation enters one artifact into the history."""


def entry(asset: str, model_type: str, number: int) -> Entry:
    """An entry of the size of a real one."""
    metrics = {f"metric_{i}": i / 7 for i in range(20)} | {"pass_rate": 0.5, "n": 60.0, "weak_slices": 0.0}
    return Entry(
        at=now_iso(),
        asset=asset,
        model_type=model_type,
        data_version=digest([asset, model_type, number]),
        inputs={name: digest([name, model_type, number]) for name in INPUTS[asset]},
        metrics=metrics,
        failed_gates=[],
        seconds=12.5,
        cost_usd=0.0,
        preset="embedded",
    )


def decision(model_type: str, number: int) -> Decision:
    """A run that was started by itself: of the size of a real one."""
    return Decision(
        at=now_iso(),
        model_type=model_type,
        kind="retraining",
        verdict="change",
        subject="rules",
        before="",
        after="a run was started",
        reasons=["Rules changed.", "What rests on it is made again."],
        evidence={KEY: f"{model_type}:{number}:{digest(number)}", "assets": ["rule_set"]},
    )


def seed(home: Path, model_types: list[str], generations: int) -> None:
    """History and decisions of so many generations of each type, in SQLite files."""
    SqliteHistory(home / HISTORY).close()
    SqliteDecisions(home / DECISIONS).close()
    entries = [entry(a, name, k) for k in range(generations) for name in model_types for a in ASSETS]
    decisions = [decision(name, k) for k in range(generations) for name in model_types]
    with closing(sqlite3.connect(home / HISTORY)) as db, db:
        db.executemany(
            "INSERT INTO entries (asset, model_type, data_version, at, record) VALUES (?, ?, ?, ?, ?)",
            [(e.asset, e.model_type, e.data_version, e.at, dumps(e.model_dump(mode="json"))) for e in entries],
        )
    with closing(sqlite3.connect(home / DECISIONS)) as db, db:
        db.executemany(
            "INSERT INTO decisions (model_type, kind, record) VALUES (?, ?, ?)",
            [(d.model_type, d.kind, dumps(d.model_dump(mode="json"))) for d in decisions],
        )
