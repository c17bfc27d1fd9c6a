"""Make the table where there is no Terraform: on demand, encrypted, restorable to any second of the last 35 days."""

from __future__ import annotations

from srl_pipeline.registry.dynamo.faults import MissingTable
from srl_pipeline.registry.dynamo.table import ATTRIBUTES, EXPIRES, KEYS, Table, connect

_WAITS, _WAIT_SECONDS = 60, 2


def create_table(name: str) -> bool:
    """Make the table where it is missing; returns whether it was.

    What a crash left out is made up for. A table that is there keeps its encryption and billing. Raises PipelineError
    where it cannot be made, or where the one that is there is of another kind.
    """
    table = connect(name)
    try:
        made = _made(table)
        _removing_what_is_forgotten(table)
        _restorable(table)
        return made
    finally:
        table.close()


def _made(table: Table) -> bool:
    try:
        table.check()
    except MissingTable:
        table.call(
            "CreateTable",
            TableName=table.name,
            KeySchema=KEYS,
            AttributeDefinitions=ATTRIBUTES,
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS"},
        )
        table.wait_until_active(tries=_WAITS, seconds=_WAIT_SECONDS)
        return True
    return False


def _removing_what_is_forgotten(table: Table) -> None:
    found = table.call("DescribeTimeToLive", TableName=table.name)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        wanted = {"Enabled": True, "AttributeName": EXPIRES}
        table.call("UpdateTimeToLive", TableName=table.name, TimeToLiveSpecification=wanted)


def _restorable(table: Table) -> None:
    found = table.call("DescribeContinuousBackups", TableName=table.name)["ContinuousBackupsDescription"]
    if found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        wanted = {"PointInTimeRecoveryEnabled": True}
        table.call("UpdateContinuousBackups", TableName=table.name, PointInTimeRecoverySpecification=wanted)
