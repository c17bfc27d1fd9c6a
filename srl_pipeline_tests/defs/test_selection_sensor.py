"""The sensor that asks for a check of teachers and students."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from srl_pipeline.clock import now_iso
from srl_pipeline.defs.making import PARTITION
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.selection_sensor import selection_sensor
from srl_pipeline.registry import Decision
from srl_pipeline_tests.defs.conftest import MODEL, OTHER_MODEL, loaded
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed

CANDIDATES = {"selection.candidates": ["search", "hosted"]}


@pytest.fixture(autouse=True)
def teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(tmp_path, file_of(entry()), monkeypatch)


def tick(instance: dg.DagsterInstance, home: Path, **overrides: Any) -> dg.SensorResult:
    pipeline = PipelineResource(home=str(home), preset="smoke", overrides=overrides)
    result = selection_sensor(dg.build_sensor_context(instance=instance, resources={"pipeline": pipeline}))
    assert isinstance(result, dg.SensorResult)
    return result


def asked(result: dg.SensorResult) -> list[str]:
    return sorted(str(request.partition_key) for request in result.run_requests or [])


@pytest.mark.chain
def test_without_candidates_no_check_is_due(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result = tick(instance, tmp_path)
    assert asked(result) == []
    assert result.skip_reason is not None and "no check is due" in str(result.skip_reason.skip_message)


def test_every_type_with_candidates_is_asked_for_once_an_hour(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    first, again = (tick(instance, tmp_path, **CANDIDATES) for _ in range(2))
    assert {MODEL, OTHER_MODEL} <= set(asked(first))
    assert {r.run_key for r in first.run_requests or []} == {r.run_key for r in again.run_requests or []}
    assert all(r.tags["srl/trigger"] == "selection" for r in first.run_requests or [])


def test_a_type_with_a_run_under_way_waits(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    job = loaded().resolve_job_def("regenerate")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={PARTITION: MODEL})
    waiting = asked(tick(instance, tmp_path, **CANDIDATES))
    assert MODEL not in waiting and OTHER_MODEL in waiting


def test_a_list_that_was_emptied_is_looked_at_once_more(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    check = {"fingerprint": "old", "seed": "s", "since": now_iso(), "at": now_iso(), "incumbent": "search"}
    made = Decision(
        at=now_iso(), model_type=MODEL, kind="teacher", verdict="no change", subject="search", before="search",
        after="search", reasons=["As good."],
        evidence={"check": check},
    )  # fmt: skip
    with PipelineResource(home=str(tmp_path)).decisions() as decisions:
        decisions.record(made)
    assert asked(tick(instance, tmp_path)) == [MODEL]


def test_teachers_that_cannot_be_read_are_told_and_start_nothing(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, file_of(entry()).replace("kind: openai", "kind: oracle"), monkeypatch)
    result = tick(instance, tmp_path, **CANDIDATES)
    assert asked(result) == []
    assert result.skip_reason is not None and "teachers.yaml" in str(result.skip_reason.skip_message)
