"""Where an installation keeps what it keeps: the environment chooses a backend, code never does."""

from __future__ import annotations

import os
import re
from pathlib import Path

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.artifacts import ArtifactStore
from srl_pipeline.registry.decisions import Decisions
from srl_pipeline.registry.history import History
from srl_pipeline.registry.ledger import Ledger
from srl_pipeline.registry.sqlite_decisions import DECISIONS, SqliteDecisions
from srl_pipeline.registry.sqlite_history import HISTORY, SqliteHistory
from srl_pipeline.registry.sqlite_ledger import LEDGER, SqliteLedger

STORE = "SRL_STORE"
"""Environment variable: empty for the folder ``artifacts`` in the installation's home, or ``s3://bucket/prefix``."""
STATE = "SRL_STATE"
"""Environment variable: empty for SQLite files in the installation's home, or ``dynamodb://table-name``."""


def open_store(home: Path) -> ArtifactStore:
    """The artifacts of the installation whose home this is."""
    address = os.environ.get(STORE, "").strip()
    return _s3_store(address, home) if address else ArtifactStore(home / "artifacts")


def store_at(root: str) -> ArtifactStore:
    """The store that a `StageRequest` names by its root. Copies of a bucket's artifacts lie below SRL_HOME."""
    from srl_pipeline.config import home

    return _s3_store(root, home()) if root.startswith("s3://") else ArtifactStore(Path(root))


def _s3_store(address: str, home: Path) -> ArtifactStore:
    from srl_pipeline.registry.s3_store import S3ArtifactStore  # with boto3: only where it is used

    return S3ArtifactStore(address, home)


def state_table() -> str:
    """Name of the DynamoDB table that `STATE` names; empty where state is kept in files. Raises PipelineError."""
    address = os.environ.get(STATE, "").strip()
    if not address:
        return ""
    found = re.fullmatch(r"dynamodb://([A-Za-z0-9_.-]{3,255})", address)
    if found is None:
        raise PipelineError(
            f"{address!r} names no place for state.",
            where=f"environment variable {STATE}",
            mend="Write dynamodb://table-name, or unset it: state is then kept in files.",
        )
    return found[1]


def open_ledger(home: Path) -> Ledger:
    """The ledger of an installation, until it is closed; raises PipelineError where it cannot be had."""
    name = state_table()
    if not name:
        return SqliteLedger(home / LEDGER)
    from srl_pipeline.registry.dynamo.ledger import DynamoLedger
    from srl_pipeline.registry.dynamo.table import open_table

    return DynamoLedger(open_table(name))


def open_history(home: Path) -> History:
    """The history of an installation, until it is closed; raises PipelineError where it cannot be had."""
    name = state_table()
    if not name:
        return SqliteHistory(home / HISTORY)
    from srl_pipeline.registry.dynamo.history import DynamoHistory
    from srl_pipeline.registry.dynamo.table import open_table

    return DynamoHistory(open_table(name))


def open_decisions(home: Path) -> Decisions:
    """The decisions of an installation, until they are closed; raises PipelineError where they cannot be had."""
    name = state_table()
    if not name:
        return SqliteDecisions(home / DECISIONS)
    from srl_pipeline.registry.dynamo.decisions import DynamoDecisions
    from srl_pipeline.registry.dynamo.table import open_table

    return DynamoDecisions(open_table(name))


def has_ledger(home: Path) -> bool:
    """Whether anything may ever have been paid: looking makes no file."""
    return bool(state_table()) or (home / LEDGER).exists()


def has_history(home: Path) -> bool:
    """Whether anything may ever have been made: looking makes no file."""
    return bool(state_table()) or (home / HISTORY).exists()


def has_decisions(home: Path) -> bool:
    """Whether anything may ever have been decided: looking makes no file."""
    return bool(state_table()) or (home / DECISIONS).exists()
