"""The table: how it is made, which one is refused, and what a large answer or a large record does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import Account, Balance, Caps, Decision
from srl_pipeline.registry.dynamo.create import create_table
from srl_pipeline.registry.dynamo.table import open_table
from srl_pipeline.registry.dynamo.writes import Write, decode, encode
from srl_pipeline.registry.places import has_decisions, has_history, has_ledger, open_decisions, open_ledger
from srl_pipeline_tests.aws.moto_server import MotoServer, emulated_aws
from srl_pipeline_tests.aws.state import TABLE

pytestmark = pytest.mark.chain

HOME = Path("/nowhere")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    return emulated_aws(monkeypatch)


def client() -> Any:
    return boto3.client("dynamodb")


def test_a_table_that_is_made_is_encrypted_restorable_and_on_demand(aws: MotoServer) -> None:
    assert create_table("state")
    table = client().describe_table(TableName="state")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSEDescription"]["Status"] == "ENABLED"
    backups = client().describe_continuous_backups(TableName="state")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    forgotten = client().describe_time_to_live(TableName="state")["TimeToLiveDescription"]
    assert forgotten == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_making_it_again_makes_up_for_what_a_crash_left_out(dynamo: MotoServer) -> None:
    assert not create_table(TABLE)  # it was there, without recovery
    backups = client().describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_with_other_keys_is_refused(aws: MotoServer) -> None:
    client().create_table(
        TableName="songs",
        KeySchema=[{"AttributeName": "title", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "title", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for use in (open_table, create_table):
        with pytest.raises(PipelineError, match="has other keys"):
            use("songs")


def test_a_record_that_is_too_large_is_an_error_that_says_so_and_nothing_is_kept(dynamo: MotoServer) -> None:
    told = Decision(
        at="2026-11-28T12:00:00+00:00",
        model_type="trees",
        kind="promotion",
        verdict="change",
        subject="v1",
        before="",
        after="v1",
        reasons=["It is better: " + "ü" * 205_000],
    )
    decisions = open_decisions(HOME)
    with pytest.raises(PipelineError, match="keeps 409,600 at the most"):
        decisions.record(told, aliases={"current": "v1"})
    assert (decisions.aliases("trees"), decisions.decisions()) == ({}, [])


def test_an_answer_of_many_pages_is_read_to_its_end(dynamo: MotoServer) -> None:
    table = open_table(TABLE)
    for i in range(12):  # a page holds a megabyte
        table.write([Write("Put", {"pk": "p", "sk": f"{i:03d}", "text": "x" * 200_000, "odd": i % 2})])
    assert [item["sk"] for item in table.query("p")] == [f"{i:03d}" for i in range(12)]
    found = table.query("p", newest_first=True, last=5, having={"odd": 1})
    assert [item["sk"] for item in found] == ["011", "009", "007", "005", "003"]


def test_numbers_come_back_exactly() -> None:
    item = {"pk": "ü", "sk": "", "n": 2**60 + 1, "less": -(10**30) - 1}
    assert decode(encode(item)) == item


def test_sums_beyond_53_bits_are_exact(dynamo: MotoServer) -> None:
    ledger, account = open_ledger(HOME), Account(run="r", model_type="t", vendor="v")
    for _ in range(3):
        held = ledger.hold("c", account, 2**60, Caps(month=2**62), seconds=600)
        ledger.commit(held, 2**60 - 1)
    assert ledger.spent_by_run("r") == Balance(committed=3 * 2**60 - 3, held=0)


def test_looking_opens_no_table_and_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRL_STATE", raising=False)
    assert not (has_ledger(tmp_path) or has_history(tmp_path) or has_decisions(tmp_path))
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("SRL_STATE", "dynamodb://state")
    assert has_ledger(tmp_path) and has_history(tmp_path) and has_decisions(tmp_path)
