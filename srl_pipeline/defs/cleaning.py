"""The job that removes artifacts which nothing needs. Its schedule is off until a person turns it on."""

from collections.abc import Iterator

import dagster as dg

from srl_pipeline.defs.making import pipeline_errors
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource


@dg.op(description="Removes what of a model type nothing needs; what models in use rest on stays.")
def remove_old_artifacts(context: dg.OpExecutionContext, pipeline: PipelineResource) -> None:
    from srl_pipeline.retention import clean

    name = context.partition_key
    with pipeline_errors():
        # The queue lets no other run of this model type begin meanwhile: both have its partition.
        done = clean(pipeline.store(), name, pipeline.config(name).retention)
    context.add_output_metadata(
        {
            "removed": len(done.removed),
            "leftovers": len(done.leftovers),
            "removed_mb": done.removed_bytes / 1e6,
            "kept": len(done.kept),
            "kept_mb": done.kept_bytes / 1e6,
        }
    )


@dg.job(
    partitions_def=model_types,
    description="Remove artifacts of one model type that no model in use and no later generation needs.",
)
def clean() -> None:
    remove_old_artifacts()


@dg.schedule(
    job=clean,
    cron_schedule="0 3 * * 0",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Cleans every model type on Sunday night. Off until it is turned on.",
)
def weekly_cleaning() -> Iterator[dg.RunRequest]:
    for name in model_types.get_partition_keys():
        yield dg.RunRequest(partition_key=name)
