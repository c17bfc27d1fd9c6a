"""Group `training`: the student after each stage. Training runs in a child process; see `launchers`."""

import dagster as dg

from srl_pipeline.defs.checks import check_specs
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.defs.making import materialize
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.stages import POOL, run_stage

GROUP = "training"


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["srl_checkpoint"],
    check_specs=check_specs("srl_checkpoint"),
    kinds={"pytorch", "huggingface"},
    owners=["team:ml"],
    pool=POOL,
    op_tags={"srl/stage": "srl"},
    description="The student after stage 1: a dense reward for each step, against the expert's action (SRL).",
)
def srl_checkpoint(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    return materialize(context, pipeline, run_stage)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["rlvr_checkpoint"],
    check_specs=check_specs("rlvr_checkpoint"),
    kinds={"pytorch", "huggingface"},
    owners=["team:ml"],
    pool=POOL,
    op_tags={"srl/stage": "rlvr"},
    description="The student after stage 2: a reward for the verified outcome of a whole episode (RLVR).",
)
def rlvr_checkpoint(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    return materialize(context, pipeline, run_stage)
