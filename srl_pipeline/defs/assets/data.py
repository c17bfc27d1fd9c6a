"""Group `data`: expert trajectories and Model C's rewards for them."""

import dagster as dg

from srl_pipeline.defs.checks import check_specs
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.defs.making import Making, materialize
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.samples import sample_table
from srl_pipeline.registry import Built, StoredArtifact

GROUP = "data"


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["trajectories"],
    check_specs=check_specs("trajectories"),
    kinds={"parquet"},
    owners=["team:ml"],
    description="A fresh generation of expert solutions: lore retrieved, steps proposed by the teacher, each verified.",
)
def trajectories(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.generation import build_trajectories

        return build_trajectories(making.store, making.model_type, making.sources(), making.config, making.previous())

    def show(made: StoredArtifact) -> dict[str, dg.MetadataValue]:
        from srl_pipeline.generation.card_page import card_page
        from srl_pipeline.generation.data_card import read_card

        sample = sample_table(made.path / "trajectories.parquet", columns)
        return {"data_card": dg.MetadataValue.md(card_page(read_card(made.path))), **sample}

    columns = ["brief", "difficulty", "variant", "strategy", "novelty", "soft_cost", "revisions"]
    return materialize(context, pipeline, make, show)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["verified_rewards"],
    check_specs=check_specs("verified_rewards"),
    kinds={"parquet"},
    owners=["team:ml"],
    description="Model C's verdict on every trajectory: step and outcome rewards, violations, split.",
)
def verified_rewards(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.generation import build_verified_rewards

        return build_verified_rewards(
            making.store, making.model_type, making.version("trajectories"), making.sources(), making.config
        )

    columns = ["trajectory_id", "accepted", "split", "outcome_reward", "step_compliance", "violations"]
    return materialize(context, pipeline, make, lambda made: sample_table(made.path / "rewards.parquet", columns))
