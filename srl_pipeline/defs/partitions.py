"""The one partition: the model type."""

from __future__ import annotations

import dagster as dg

from srl_pipeline.model_types import find_packs

model_types = dg.StaticPartitionsDefinition(list(find_packs()))
"""The packs found when definitions load: a new folder is a new partition after a reload of the code location."""
