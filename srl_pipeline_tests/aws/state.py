"""Test-only: where state is kept, files or a DynamoDB table, so that one suite holds both to the same promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from srl_pipeline.clock import now_iso
from srl_pipeline.registry import LEDGER, Ledger, SqliteLedger
from srl_pipeline.registry.dynamo.ledger import DynamoLedger
from srl_pipeline.registry.dynamo.table import ATTRIBUTES, KEYS, connect, open_table
from srl_pipeline.registry.places import STATE, state_table
from srl_pipeline_tests.aws.moto_server import MotoServer, emulated_aws

Backend: TypeAlias = Literal["sqlite", "dynamodb"]
BACKENDS = ("sqlite", pytest.param("dynamodb", marks=pytest.mark.chain))
"""The emulator is slow to start and slow to answer: it has its turn with the whole chains."""
SLOW_ON_DYNAMODB = ["sqlite", pytest.param("dynamodb", marks=pytest.mark.slow)]
TABLE = "srl-state"


def dynamo_state(monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """An emulated AWS with an empty table, in which state is kept from now on."""
    server = emulated_aws(monkeypatch)
    table = connect(TABLE)
    table.call(  # `create_table` would take a quarter of a second
        "CreateTable",
        TableName=TABLE,
        KeySchema=KEYS,
        AttributeDefinitions=ATTRIBUTES,
        BillingMode="PAY_PER_REQUEST",
    )
    table.close()
    monkeypatch.setenv(STATE, f"dynamodb://{TABLE}")
    return server


def use(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep state there from now on, with nothing in it."""
    monkeypatch.delenv(STATE, raising=False)
    if backend == "dynamodb":
        dynamo_state(monkeypatch)


def ledger_with_clock(home: Path, now: Callable[[], str] = now_iso) -> Ledger:
    """As `open_ledger` does it, with a clock that a test turns."""
    name = state_table()
    return DynamoLedger(open_table(name), now=now) if name else SqliteLedger(home / LEDGER, now=now)
