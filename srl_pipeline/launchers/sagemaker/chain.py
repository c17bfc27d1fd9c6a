"""The training chain without Dagster: the input of the Step Functions machine, from the same requests as single jobs.

What the machine makes, a later run in Dagster finds: versions follow from inputs, configuration and code alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Stage, StageRequest
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.sagemaker.faults import told
from srl_pipeline.launchers.sagemaker.jobs import Jobs
from srl_pipeline.launchers.sagemaker.request import job_base, training_job
from srl_pipeline.launchers.sagemaker.spec import SPEC, JobSpec


def execution_input(jobs: Mapping[Stage, Mapping[str, Any]], *, run: str, model_type: str, cap: int) -> dict[str, Any]:
    """The input of an execution (infra/terraform/README.md).

    Args:
        jobs: A CreateTrainingJob request for each stage; the machine has a role of its own to give them.
        cap: Nano-dollars that are committed and held in a month, at which no stage begins any more.
    """
    requests = {stage: {k: v for k, v in job.items() if k != "RoleArn"} for stage, job in jobs.items()}
    return {"run": run, "model_type": model_type, "cap_nanos": cap, "requests": requests}


def next_jobs(
    spec: JobSpec, jobs: Jobs, requests: Mapping[Stage, StageRequest], addresses: Mapping[Stage, str]
) -> dict[Stage, dict[str, Any]]:
    """The request of each stage's next attempt; raises PipelineError where one of them is trained already.

    The machine adds the number of its own repetition to a name, as `jobs.attempt` does.
    """
    made: dict[Stage, dict[str, Any]] = {}
    for stage, request in requests.items():
        base = job_base(spec, request)
        last, number = jobs.newest(base)
        if last is not None and not last.ended:
            raise PipelineError(
                f"{stage} of {request.model_type} is being trained.",
                where=f"SageMaker training job {last.name}",
                mend="Wait for its end, or stop it; then start the chain.",
            )
        made[stage] = training_job(spec, request, f"{base}-{number}", addresses[stage])
    return made


def start_execution(spec: JobSpec, name: str, given: Mapping[str, Any]) -> str:
    """Start the machine; returns the ARN of the execution. The same name and input again are the same execution."""
    import boto3

    if not spec.state_machine_arn:
        raise PipelineError(
            "No state machine is named.",
            where=f"state_machine_arn in the file of {SPEC}",
            mend="Write Terraform's output state_machine_arn there.",
        )
    with told("StartExecution", f"state machine {spec.state_machine_arn}", "Step Functions"):
        machine = boto3.client("stepfunctions")
        answer = machine.start_execution(stateMachineArn=spec.state_machine_arn, name=name, input=dumps(given))
    return str(answer["executionArn"])
