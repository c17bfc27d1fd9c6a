"""``srl-pipeline chain``: train one model type by the Step Functions machine, without Dagster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.output import JsonFlag, console, print_json
from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError

Start = Annotated[bool, typer.Option("--start", help="Start the machine; else its input is only shown.")]


def chain(
    model_type: Type, preset: Preset = "", settings: Settings = None, start: Start = False, json: JsonFlag = False
) -> None:
    """SRL, RLVR and evaluation of the newest trajectories as SageMaker jobs, one after another.

    What the machine makes is found by the next run in Dagster. A stage begins only below budget.month_usd.
    """
    from srl_pipeline.cli.newest import newest
    from srl_pipeline.clock import now_iso
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.launchers.sagemaker.chain import execution_input, next_jobs, start_execution
    from srl_pipeline.launchers.sagemaker.client import put_request, s3_store
    from srl_pipeline.launchers.sagemaker.jobs import Jobs
    from srl_pipeline.launchers.sagemaker.spec import SPEC, read_spec
    from srl_pipeline.registry.ledger import nanos
    from srl_pipeline.stages.requests import chain_requests

    file = os.environ.get(SPEC)
    if not file:
        raise PipelineError(
            "How training jobs look is not said.",
            where=f"environment variable {SPEC}",
            mend="Name a file; docs/aws.md, 'Training on SageMaker', shows the format.",
        )
    spec = read_spec(Path(file))
    config = PipelineResource(preset=preset, overrides=parse_settings(settings or []), home=str(home())).config(
        model_type
    )
    if config.budget.month_usd <= 0:
        raise PipelineError(
            "budget.month_usd is 0, so the machine would begin no stage.",
            where="the settings of this installation",
            mend="Set it: SRL_SETTINGS='{budget.month_usd: 20}', or --set budget.month_usd=20.",
        )
    rewards = newest("verified_rewards", model_type)
    store = s3_store(PipelineResource(home=str(home())).store().address)
    requests = chain_requests(store, rewards.manifest, config)
    jobs = next_jobs(spec, Jobs(), requests, {stage: put_request(store, r) for stage, r in requests.items()})
    run = f"{model_type}-{requests['eval_report'].data_version}-{now_iso()[:19].replace(':', '')}"
    given = execution_input(jobs, run=run, model_type=model_type, cap=nanos(config.budget.month_usd))
    execution = start_execution(spec, run, given) if start else ""
    if json:
        print_json({"execution": execution, "input": given})
        return
    for stage, job in jobs.items():
        console.print(f"{stage}: job {job['TrainingJobName']}-0, artifact {requests[stage].data_version}")
    console.print(f"Started: {execution}" if start else "Nothing was started; --start does, --json shows the input.")
