"""The Dagster entry point: everything below `defs/`, found by Dagster itself."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from srl_pipeline.launchers.pool_wait import install

install()


@dg.definitions
def defs() -> dg.Definitions:
    """All Dagster objects of the product."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
