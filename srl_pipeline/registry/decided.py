"""The settings that decisions made, as the configuration of a run reads them."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.contracts import Json
from srl_pipeline.registry.sqlite_decisions import DECISIONS, SqliteDecisions


def decided_settings(home: Path, model_type: str) -> dict[str, Json]:
    """Dotted name -> value for a model type; nothing where nothing was ever decided."""
    file = home / DECISIONS
    if not file.exists():
        return {}
    decisions = SqliteDecisions(file)
    try:
        return decisions.settings(model_type)
    finally:
        decisions.close()
