"""What the policy looks at, from real stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from srl_pipeline.clock import AHEAD, now_iso
from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.presets import preset
from srl_pipeline.registry import (
    DECISIONS,
    HISTORY,
    Account,
    Caps,
    Decision,
    Entry,
    SqliteDecisions,
    SqliteHistory,
    SqliteLedger,
    nanos,
)
from srl_pipeline.retraining import Observed, Regeneration, Versions
from srl_pipeline.retraining.observe import observe
from srl_pipeline.retraining.record import record
from srl_pipeline.serving.journal import Journal, LiveRequest
from srl_pipeline_tests.teachers.catalog.listed import entry as listing
from srl_pipeline_tests.teachers.catalog.listed import file_of, listed

VERSIONS = Versions(teacher="t", rules="r", lore="l", student="tiny")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    with closing(SqliteHistory(tmp_path / HISTORY)) as opened:
        yield opened


@pytest.fixture
def decisions(tmp_path: Path) -> Iterator[SqliteDecisions]:
    with closing(SqliteDecisions(tmp_path / DECISIONS)) as opened:
        yield opened


def made(history: SqliteHistory, asset: str, failed: list[str] | None = None, **metrics: float) -> None:
    history.append(
        Entry(
            at=now_iso(), asset=asset, model_type="inns", data_version=f"{asset}-{len(metrics)}", inputs={},
            metrics=metrics, failed_gates=failed or [], seconds=1.0, cost_usd=0.0,
        )
    )  # fmt: skip


def promoted(version: str) -> Decision:
    return Decision(
        at=now_iso(), model_type="inns", kind="promotion", verdict="change", subject=version, before="", after=version,
        reasons=["It solves more."],
    )  # fmt: skip


def seen(
    tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions, teacher: str = "search", **settings: object
) -> Observed:
    config: PipelineConfig = override(preset("smoke"), {k.replace("__", "."): v for k, v in settings.items()})
    return observe(tmp_path, history, decisions, "inns", VERSIONS, teacher, config, running=False)


def test_a_type_that_was_never_trained_has_no_signals(
    tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions
) -> None:
    made(history, "weaknesses", weak_slices=3.0)
    found = seen(tmp_path, history, decisions)
    assert (found.signals, found.generated_at, found.no_teaching) == ((), "", None)


def test_weaknesses_of_an_artifact_that_failed_its_gate_do_not_count(
    tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions
) -> None:
    made(history, "trajectories")
    made(history, "weaknesses", failed=["tested"], weak_slices=3.0)
    assert seen(tmp_path, history, decisions).signals == ()


def test_signals_can_be_switched_off(tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions) -> None:
    made(history, "trajectories")
    made(history, "weaknesses", weak_slices=3.0)
    assert [s.kind for s in seen(tmp_path, history, decisions).signals] == ["weakness"]
    assert seen(tmp_path, history, decisions, retraining__on_weakness=False).signals == ()


def test_only_live_requests_since_the_last_generation_count(
    tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(n: int, verified: bool, version: str = "m1") -> None:
        with closing(Journal(tmp_path)) as journal:
            for _ in range(n):
                journal.append(
                    LiveRequest(
                        at=now_iso(), model_type="inns", alias="current", version=version, axes="{}", verified=verified,
                        hard_violation=None, error="", latency_seconds=0.1, tokens=5, since=0,
                    )
                )  # fmt: skip

    serve(40, verified=False)  # of the model before
    monkeypatch.setenv(AHEAD, "3600")
    made(history, "trajectories")
    made(history, "registered_model", pass_rate=0.9, n=100.0)
    decisions.record(promoted("registered_model-2"), aliases={"current": "registered_model-2"})
    monkeypatch.setenv(AHEAD, "7200")
    serve(60, verified=False)  # of a model that is not current
    assert seen(tmp_path, history, decisions).signals == ()
    serve(60, verified=False, version="registered_model-2")
    assert [s.kind for s in seen(tmp_path, history, decisions, retraining__live_requests=120).signals] == [
        "drift",
        "volume",
    ]


def test_automatic_runs_are_counted_by_calendar_month(
    tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Regeneration("inns", "inns:1:a", ("rules",), ("rule_set",), "Rules changed.")
    record(decisions, [request], [], now_iso())
    record(decisions, [request], [], now_iso())  # the same, after a crash
    assert seen(tmp_path, history, decisions).runs_this_month == 1
    monkeypatch.setenv(AHEAD, str(40 * 86400))
    assert seen(tmp_path, history, decisions).runs_this_month == 0


def test_a_paid_teacher_is_an_obstacle_without_a_cap_and_when_the_month_is_spent(
    tmp_path: Path, history: SqliteHistory, decisions: SqliteDecisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(listing()), monkeypatch)
    capped = {"budget__month_usd": 1.0, "budget__model_type_month_usd": 0.5}

    def obstacle(**settings: object) -> str:
        found = seen(tmp_path, history, decisions, "hosted", **settings).no_teaching
        return found.why if found else ""

    assert "no cap is set" in obstacle()
    assert obstacle(**capped) == ""
    with closing(SqliteLedger(tmp_path / "ledger.sqlite")) as ledger:
        account = Account(run="r", model_type="inns", vendor="openai")
        ledger.commit(ledger.hold("c", account, nanos(0.5), Caps(month=nanos(1)), seconds=60), nanos(0.5))
    assert "money of inns is spent: 0.50 of 0.50" in obstacle(**capped)
    assert "money of openai is spent" in obstacle(budget__month_usd=1.0, budget__vendor_month_usd={"openai": 0.4})
    assert seen(tmp_path, history, decisions, "search", **capped).no_teaching is None
