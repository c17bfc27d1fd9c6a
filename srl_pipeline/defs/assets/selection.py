"""Group `selection`: who teaches a model type and which student it trains, chosen by measurement."""

import dagster as dg

from srl_pipeline.defs.making import UNCHANGED, making_of, pipeline_errors
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.registry import Decision


@dg.asset(
    group_name="selection",
    partitions_def=model_types,
    kinds={"sqlite"},
    owners=["team:ml"],
    description="Measures candidate teachers and students where a check is due, and decides with reasons.",
)
def selection(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    from srl_pipeline.selection import select_student, select_teacher

    with pipeline_errors():
        making = making_of(context, pipeline)
        home, store, config = pipeline.home_folder(), making.store, making.config
        with pipeline.decisions() as decisions:
            made = [
                select_teacher(home, store, decisions, making.pack, config),
                select_student(home, store, decisions, making.pack, config),
            ]
    found = [decision for decision in made if decision]
    for decision in found:
        context.log.info(f"{decision.kind}: {decision.verdict}: {decision.reasons[0]}")
    return dg.MaterializeResult(
        metadata={
            "result": ", ".join(f"{d.kind}: {d.verdict}" for d in found) or UNCHANGED,
            "reused": not found,
            **{decision.kind: _told(decision) for decision in found},
        }
    )


def _told(decision: Decision) -> dg.MetadataValue:
    lines = [f"- {reason}" for reason in decision.reasons]
    lines += [f"- {'**' if a.chosen else ''}{a.name}{'**' if a.chosen else ''}: {a.why}" for a in decision.alternatives]
    return dg.MetadataValue.md("\n".join(lines))
