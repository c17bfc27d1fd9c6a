"""``srl-pipeline tune``: tune a vendor's model on verified trajectories. Looks by default; spends with --confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.output import JsonFlag, console, print_json
from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from srl_pipeline.cli.progress import AssetState
    from srl_pipeline.tuning.jobs import TuningJob
    from srl_pipeline.tuning.plan import Plan
    from srl_pipeline.tuning.spec import Tuner
    from srl_pipeline.tuning.work import Work

Provider = Annotated[str, typer.Option(help="openai, gemini, bedrock or anthropic: its tuner in tuning.yaml.")]
TunerName = Annotated[str, typer.Option("--tuner", help="A tuner by name, where a provider has several.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look at data, cost and checks; spend nothing. The default.")]
Confirm = Annotated[bool, typer.Option("--confirm", help="Spend the money and see the job through.")]
Again = Annotated[bool, typer.Option("--again", help="Another attempt after one that failed or was cancelled.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the vendor, or leave it to the daemon.")]
Poll = Annotated[float, typer.Option("--poll", min=0.01, help="Seconds between two looks at the job.")]


def tune(
    model_type: Type,
    provider: Provider = "",
    tuner: TunerName = "",
    dry_run: DryRun = False,
    confirm: Confirm = False,
    again: Again = False,
    wait: Wait = True,
    poll: Poll = 30.0,
    preset: Preset = "",
    settings: Settings = None,
    json: JsonFlag = False,
) -> None:
    """Tune a vendor's model on verified trajectories, and compare it with prompting alone.

    A command that was cut off goes on where it was when it is given again: nothing is lost, and nothing paid twice.
    """
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.model_types import load_pack
    from srl_pipeline.tuning.work import DATASET, Work

    if confirm and dry_run:
        raise PipelineError("--dry-run and --confirm exclude each other.", where="tune", mend="Give one of them.")
    name, chosen = _tuner(provider, tuner)
    overrides = parse_settings(settings or [])
    pipeline = PipelineResource(preset=preset, overrides=overrides, home=str(home()))
    pack = load_pack(model_type)
    config, store = pipeline.config(model_type, pack), pipeline.store()
    made = _dataset(model_type, {"preset": preset, "overrides": overrides, "home": str(home())}, quiet=json)
    with pipeline.decisions() as decisions:
        work = Work(home(), store, decisions, pack, config)
        plan = work.plan(store.require(DATASET, model_type, made.data_version), name, chosen, again=again)
        if not json:
            _show(plan)
        job = _spend(work, plan, wait=wait, poll=poll, quiet=json) if confirm else plan.job
        reasons = [d.reasons for d in decisions.decisions(model_type, kind="tuning") if d.id == job.decision]
    if json:
        print_json(_as_json(plan, job))
        return
    for lines in reasons:
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    if not confirm and job.revision == 0:
        print("Dry run: nothing was sent and nothing was spent. --confirm spends.")


def _tuner(provider: str, name: str) -> tuple[str, Tuner]:
    from srl_pipeline.tuning.catalog import read_tuners
    from srl_pipeline.tuning.spec import PROVIDERS

    tuners = read_tuners()
    if provider and provider not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        raise PipelineError(f"There is no provider {provider!r}.", where="--provider", mend=f"Use one of {known}.")
    if not (provider or name):
        listed = ", ".join(tuners.tuners)
        raise PipelineError("Which tuner?", where="tune", mend=f"Give --provider, or --tuner with one of {listed}.")
    chosen = name or tuners.of_provider(provider)
    tuner = tuners.get(chosen)
    if provider and tuner.provider != provider:
        raise PipelineError(
            f"Tuner {name} is of provider {tuner.provider}.", where="--provider", mend="Leave --provider out."
        )
    return chosen, tuner


def _dataset(model_type: str, pipeline: dict[str, object], *, quiet: bool) -> AssetState:
    """The data set of the trajectories that there are, made or found."""
    from srl_pipeline.cli.instance import prepare_dagster_home
    from srl_pipeline.cli.run import end_where_failed, materialize

    assets = ["tuning_dataset"]
    run_id, progress = materialize(model_type, pipeline, prepare_dagster_home(), quiet=quiet, assets=assets, job="tune")
    end_where_failed(model_type, run_id, progress.assets)
    return progress.assets["tuning_dataset"]


def _spend(work: Work, plan: Plan, *, wait: bool, poll: float, quiet: bool) -> TuningJob:
    from srl_pipeline.tuning.page import job_line

    seen: list[str] = []

    def told(job: TuningJob) -> None:
        line = job_line(job)
        if not quiet and line not in seen[-1:]:
            seen.append(line)
            print(line, flush=True)

    begun = work.begin(plan)
    job = work.follow(begun.key, poll, told) if wait else work.advance(begun.key)
    told(job)
    return job


def _show(plan: Plan) -> None:
    from srl_pipeline.tuning.page import job_line, plan_lines

    for line in [*plan_lines(plan), job_line(plan.job)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _as_json(plan: Plan, job: TuningJob) -> dict[str, object]:
    return {
        "job": job.model_dump(mode="json", exclude={"spec": {"grader"}}),
        "estimate": plan.estimate.model_dump(mode="json") if plan.estimate else None,
        "dataset": plan.card.model_dump(mode="json"),
        "checks": [check.model_dump(mode="json") for check in plan.checks],
    }
