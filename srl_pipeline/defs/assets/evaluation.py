"""Group `evaluation`: how good the students are: the report of each model type, its weaknesses, one table over all."""

from pathlib import Path

import dagster as dg

from srl_pipeline.defs.checks import check_specs
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.defs.making import Making, latest_version, materialize, pipeline_errors, result
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.stages import POOL, launch, run_stage
from srl_pipeline.registry import Built, Outcome, StoredArtifact, build_or_reuse, code_version

GROUP = "evaluation"
ALL = "all"


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["eval_report"],
    check_specs=check_specs("eval_report"),
    kinds={"markdown"},
    owners=["team:ml"],
    pool=POOL,
    op_tags={"srl/stage": "evaluation"},
    description="Base, warm-up, SRL and RLVR student on the frozen held-out scenarios, with confidence intervals.",
)
def eval_report(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def report(made: StoredArtifact) -> dict[str, dg.MetadataValue]:
        from srl_pipeline.evaluation import find_steps_page, markdown_with_inline_plots

        page = find_steps_page(made.path)
        return {
            "report": dg.MetadataValue.md(markdown_with_inline_plots(made.path)),
            **({"step_by_step": dg.MetadataValue.url(page.as_uri())} if page else {}),
        }

    return materialize(context, pipeline, run_stage, report)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["current_evaluation"],
    kinds={"json"},
    owners=["team:ml"],
    pool=POOL,
    op_tags={"srl/stage": "evaluation"},
    description="The current model on the rules and lore of now, for a candidate to be compared with.",
)
def current_evaluation(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.stages.current import build_current_evaluation

        with pipeline.decisions() as decisions:
            current = decisions.aliases(making.model_type).get("current", "")
        report = making.artifact("eval_report")
        pins = {name: making.version(name) for name in ("lore_index", "rule_set")}
        return build_current_evaluation(
            making.store, current, report, pins, making.config, lambda request: launch(making, request)
        )

    def show(made: StoredArtifact) -> dict[str, dg.MetadataValue]:
        told = {name: str(made.manifest.notes.get(name) or "–") for name in ("registered_model", "problem")}
        return {name: dg.MetadataValue.text(text) for name, text in told.items()}

    return materialize(context, pipeline, make, show)


@dg.asset(
    group_name=GROUP,
    partitions_def=model_types,
    deps=INPUTS["weaknesses"],
    check_specs=check_specs("weaknesses"),
    kinds={"markdown"},
    owners=["team:ml"],
    description="Where the student fails more than elsewhere, and what got worse: held to a false discovery rate.",
)
def weaknesses(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    def make(making: Making) -> Built:
        from srl_pipeline.weaknesses import build_weaknesses

        report, current = (making.artifact(name) for name in INPUTS["weaknesses"])
        with pipeline.history() as history:
            earlier = history.all_entries(making.model_type)
        return build_weaknesses(making.store, making.model_type, report, current, earlier, making.config)

    def show(made: StoredArtifact) -> dict[str, dg.MetadataValue]:
        return {"weaknesses": dg.MetadataValue.md((made.path / "weaknesses.md").read_text(encoding="utf-8"))}

    return materialize(context, pipeline, make, show)


@dg.asset(
    group_name=GROUP,
    deps=INPUTS["leaderboard"],
    kinds={"markdown"},
    owners=["team:ml"],
    automation_condition=dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.in_progress(),
    description="One table over all model types, from their latest evaluation reports.",
)
def leaderboard(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> dg.MaterializeResult:
    from srl_pipeline.evaluation.leaderboard import leaderboard as rank
    from srl_pipeline.evaluation.leaderboard import leaderboard_markdown

    with pipeline_errors():
        store = pipeline.store()
        names = model_types.get_partition_keys()
        versions = {name: latest_version(context.instance, "eval_report", name) for name in names}
        reports = {n: store.find("eval_report", n, version) if version else None for n, version in versions.items()}
        known = {name: report for name, report in reports.items() if report}
        table = leaderboard_markdown(rank((n, report.manifest if report else None) for n, report in reports.items()))

        def make(work: Path) -> Outcome:
            (work / "leaderboard.md").write_text(table + "\n", encoding="utf-8")
            rates = {name: report.manifest.metrics.get("pass_rate") for name, report in known.items()}
            measured = {f"pass_rate_{name}": rate for name, rate in rates.items() if rate is not None}
            return Outcome(metrics={"model_types": float(len(known))} | measured, gates=[])

        code = code_version("evaluation/leaderboard.py", "evaluation/markdown.py")
        built = build_or_reuse(
            store, "leaderboard", ALL, inputs=known, config={"model_types": sorted(names)}, code=code, make=make
        )
        return result(context, built, {"table": dg.MetadataValue.md(table)})
