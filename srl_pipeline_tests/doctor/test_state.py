"""Addresses, files, clock; and, against an emulated cloud, bucket and table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from srl_pipeline.doctor import Finding, Installation, state
from srl_pipeline.doctor.state import clock_finding
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import HISTORY, SqliteHistory
from srl_pipeline.registry.history import Entry

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def history_with(home: Path, at: str) -> Path:
    history = SqliteHistory(home / HISTORY)
    entry = Entry(
        at=at,
        asset="eval_report",
        model_type="lanterns",
        data_version="v1",
        inputs={},
        metrics={},
        failed_gates=[],
        seconds=1,
        cost_usd=0,
    )
    history.append(entry)
    history.close()
    return home / HISTORY


def test_an_installation_that_made_nothing_is_fine_and_stays_empty(installation: Installation) -> None:
    checks = (state.store, state.table, state.files, state.clock)
    assert [f.level for check in checks for f in check(installation)] == ["ok"] * 4
    assert not list(installation.home.iterdir())


def test_files_that_are_sound_are_named_and_not_changed(installation: Installation) -> None:
    file = history_with(installation.home, "2026-11-01T00:00:00+00:00")
    before = file.read_bytes()
    [found] = state.files(installation)
    assert (found.level, found.what) == ("ok", "sound: history.sqlite")
    assert file.read_bytes() == before
    assert list(installation.home.iterdir()) == [file]


def test_a_file_that_is_damaged_is_a_problem(installation: Installation) -> None:
    file = history_with(installation.home, "2026-11-01T00:00:00+00:00")
    content = bytearray(file.read_bytes())
    content[4096:6144] = b"\xff" * 2048
    file.write_bytes(content)
    [found] = state.files(installation)
    assert (found.level, found.where) == ("problem", str(file))


def test_a_file_that_is_no_database_is_a_problem(installation: Installation) -> None:
    (installation.home / HISTORY).write_text("hello, this is text and no database at all")
    [found] = state.files(installation)
    assert "not a database" in found.what


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [("SRL_STORE", "ftp://somewhere", state.store), ("SRL_STATE", "mysql://somewhere", state.table)],
)
def test_an_address_of_another_form_is_refused(
    installation: Installation,
    variable: str,
    value: str,
    check: Callable[[Installation], list[Finding]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(PipelineError) as raised:
        check(installation)
    assert variable in raised.value.where


def test_bucket_and_table_are_not_asked_without_online(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SRL_STORE", "s3://bucket/prefix")
    monkeypatch.setenv("SRL_STATE", "dynamodb://table")
    checks = (state.store, state.table, state.files, state.clock)
    assert [f.level for check in checks for f in check(installation)] == ["ok"] * 4
    assert installation.decided == {}


def test_a_clock_that_went_back_is_warned_of(installation: Installation) -> None:
    history_with(installation.home, "2999-01-01T00:00:00+00:00")
    [found] = state.clock(installation)
    assert (found.level, "went back" in found.what) == ("warning", True)


@pytest.mark.parametrize(("seconds", "level"), [(-3600, "ok"), (30, "ok"), (120, "warning")])
def test_clocks_may_differ_by_a_minute(seconds: int, level: str) -> None:
    assert clock_finding(NOW, (NOW + timedelta(seconds=seconds)).isoformat(), None).level == level


@pytest.mark.parametrize(("ahead", "level"), [("86400", "warning"), ("tomorrow", "problem")])
def test_a_clock_that_is_put_forward_is_told(
    installation: Installation, ahead: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_CLOCK_AHEAD_SECONDS", ahead)
    assert state.clock(installation)[0].level == level


@pytest.mark.chain
def test_online_bucket_and_table_are_asked(
    home: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    from srl_pipeline.registry.dynamo.create import create_table
    from srl_pipeline_tests.aws.moto_server import REGION, emulated_aws

    emulated_aws(monkeypatch)
    monkeypatch.setenv("SRL_STORE", "s3://doctor-bucket/prefix")
    monkeypatch.setenv("SRL_STATE", "dynamodb://doctor-table")
    online = Installation(home, online=True)
    for check in (state.store, state.table):
        with pytest.raises(PipelineError):
            check(online)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="doctor-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    create_table("doctor-table")
    assert [state.store(online)[0].level, state.table(online)[0].level] == ["warning", "ok"]
    s3.put_bucket_versioning(Bucket="doctor-bucket", VersioningConfiguration={"Status": "Enabled"})
    assert state.store(online)[0].level == "ok"
