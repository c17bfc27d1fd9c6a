"""Group `sources`: the three pins. Materializable, not external: staleness and automation then read the same events."""

import dagster as dg

from srl_pipeline.defs.checks import check_specs
from srl_pipeline.defs.making import Making, materialize
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.registry import Built

GROUP = "sources"


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    check_specs=check_specs("lore_index"),
    kinds={"lancedb"},
    owners=["team:design"],
    description="The model type's lore, cut into chunks, embedded and indexed for hybrid search (Model A).",
)
def lore_index(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.lore import build_lore_index

        return build_lore_index(making.store, making.pack, making.config.lore)

    return materialize(context, pipeline, make)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    check_specs=check_specs("teacher_model"),
    kinds={"json"},
    owners=["team:ml"],
    description="The teacher that writes expert trajectories (Model B), pinned at its current version.",
)
def teacher_model(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.teachers import build_teacher_pin

        return build_teacher_pin(making.store, making.model_type, making.config.generation.teacher)

    return materialize(context, pipeline, make)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    check_specs=check_specs("rule_set"),
    kinds={"yaml"},
    owners=["team:design"],
    description="The rule set of the verifier (Model C), proven by its gold and counter-examples and pinned.",
)
def rule_set(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.verification import build_rule_set

        return build_rule_set(making.store, making.pack)

    return materialize(context, pipeline, make)
