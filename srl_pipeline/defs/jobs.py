"""Jobs: named selections of the asset graph."""

from __future__ import annotations

import dagster as dg

from srl_pipeline.defs.graph import INPUTS, TUNING_INPUTS, with_downstream
from srl_pipeline.defs.partitions import model_types

regenerate = dg.define_asset_job(
    "regenerate",
    selection=dg.AssetSelection.assets(*INPUTS),
    partitions_def=model_types,
    description="The whole chain for one model type; what is unchanged is found, not made again.",
)

evaluate_only = dg.define_asset_job(
    "evaluate_only",
    selection=dg.AssetSelection.assets(*with_downstream(["eval_report"])),
    partitions_def=model_types,
    description="Evaluate the latest checkpoints of one model type again, and decide again which model is current.",
)

select = dg.define_asset_job(
    "select",
    selection=dg.AssetSelection.assets("selection"),
    partitions_def=model_types,
    description="Measure candidate teachers and students of one model type where a check is due, and decide.",
)

tune = dg.define_asset_job(
    "tune",
    selection=dg.AssetSelection.assets(*TUNING_INPUTS),
    partitions_def=model_types,
    description="Plan the tuning of a vendor's model on verified trajectories; with tuning.confirm, pay for it.",
)
