"""Group `models`: what was trained, as something that can be used; which of them is current; and a page of it all."""

import dagster as dg

from srl_pipeline.defs.checks import check_specs
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.defs.making import UNCHANGED, Making, making_of, materialize, pipeline_errors
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.registry import Built, Decision, StoredArtifact

GROUP = "models"
NONE = "none"
"""Data version of `promotion` while no model is current."""


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["registered_model"],
    check_specs=check_specs("registered_model"),
    kinds={"huggingface"},
    owners=["team:ml"],
    description="The trained student in the Hugging Face layout, with its model card and its lineage.",
)
def registered_model(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.promotion import build_registered_model

        return build_registered_model(making.store, making.model_type, making.inputs(), making.config)

    def show(made: StoredArtifact) -> dict[str, dg.MetadataValue]:
        card = (made.path / "README.md").read_text(encoding="utf-8").split("---\n", 2)[-1]
        return {"model_card": dg.MetadataValue.md(card)}

    return materialize(context, pipeline, make, show)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["promotion"],
    kinds={"sqlite"},
    owners=["team:ml"],
    description="Decides whether the new model becomes the current one, and keeps the reasons.",
)
def promotion(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    from srl_pipeline.promotion import promote

    with pipeline_errors():
        making = making_of(context, pipeline)
        registered, report, current = (making.version(name) for name in INPUTS["promotion"])
        with pipeline.decisions() as decisions:
            before = decisions.decisions(making.model_type, last=1)
            decided = promote(
                making.store,
                decisions,
                making.model_type,
                registered=registered,
                report=report,
                current=current,
                config=making.config,
            )
    context.log.info(f"{making.model_type}: {decided.verdict}: {decided.reasons[0]}")
    known = bool(before) and decided.id <= before[0].id
    standing = decided.after or NONE
    metadata = {"result": UNCHANGED if known else decided.verdict, "reused": known, "data_version": standing}
    return dg.MaterializeResult(data_version=dg.DataVersion(standing), metadata=metadata | _told(decided))


def _told(decided: Decision) -> dict[str, dg.MetadataValue]:
    return {
        "decision": dg.MetadataValue.int(decided.id),
        "verdict": dg.MetadataValue.text(decided.verdict),
        "why": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in decided.reasons)),
        "candidate": dg.MetadataValue.text(decided.subject),
        "current": dg.MetadataValue.text(decided.after or NONE),
        "current_before": dg.MetadataValue.text(decided.before or NONE),
    }


@dg.asset(
    group_name=GROUP,
    deps=INPUTS["status_page"],
    kinds={"html"},
    owners=["team:ml"],
    automation_condition=dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.in_progress(),
    description="One page for everybody: current models, trends, weaknesses, money, decisions.",
)
def status_page(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    from srl_pipeline.dashboard import write_status

    with pipeline_errors():
        page = write_status(pipeline.home_folder())
    return dg.MaterializeResult(metadata={"page": dg.MetadataValue.url(page.as_uri())})
