"""Group `tuning`: verified trajectories as a data set for vendors, and the vendor's model that is tuned on it."""

import dagster as dg

from srl_pipeline.defs.checks import check_specs
from srl_pipeline.defs.graph import TUNING_INPUTS
from srl_pipeline.defs.making import TUNING_JOB, Making, making_of, materialize, pipeline_errors
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.registry import Built, StoredArtifact

GROUP = "tuning"


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=TUNING_INPUTS["tuning_dataset"],
    check_specs=check_specs("tuning_dataset"),
    kinds={"json"},
    owners=["team:ml"],
    description="Steps of verified trajectories as questions and answers for a vendor's tuning, cleaned of secrets.",
)
def tuning_dataset(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.tuning.dataset import build_tuning_dataset

        return build_tuning_dataset(making.store, making.model_type, making.inputs(), making.config)

    def show(made: StoredArtifact) -> dict[str, dg.MetadataValue]:
        return {"card": dg.MetadataValue.md((made.path / "card.md").read_text(encoding="utf-8"))}

    return materialize(context, pipeline, make, show)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=TUNING_INPUTS["tuned_teacher"],
    kinds={"sqlite"},
    owners=["team:ml"],
    description="A vendor's model tuned on the data set: planned, and paid for where tuning.confirm says so.",
)
def tuned_teacher(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    from srl_pipeline.tuning.asset import advance_begun, advance_planned
    from srl_pipeline.tuning.work import Work

    with pipeline_errors():
        making = making_of(context, pipeline)
        with pipeline.decisions() as decisions:
            work = Work(pipeline.home_folder(), making.store, decisions, making.pack, making.config)
            begun = context.run.tags.get(TUNING_JOB)
            told = advance_begun(work, begun) if begun else advance_planned(work, making.artifact("tuning_dataset"))
    context.log.info(told.line)
    metadata: dict[str, dg.MetadataValue | str | bool | float] = {
        "result": told.line,
        "reused": told.unchanged,
        "plan": dg.MetadataValue.md(told.page),
    }
    if told.charged_usd is not None:
        metadata["cost_usd"] = told.charged_usd
    return dg.MaterializeResult(data_version=dg.DataVersion(told.version), metadata=metadata)
