"""Test-only: an installation on the emulated AWS, and jobs whose container runs a test's script."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.sagemaker import client
from srl_pipeline.launchers.sagemaker.client import run_on_sagemaker
from srl_pipeline.launchers.sagemaker.request import training_job
from srl_pipeline.launchers.sagemaker.spec import JobSpec
from srl_pipeline.registry import Built

BUCKET = "srl-dev-artifacts"
ROOT = f"s3://{BUCKET}/models"
ROLE = "arn:aws:iam::123456789012:role/srl-dev-training"
SETTINGS: dict[str, Any] = {
    "version": 1,
    "installation": "srl-dev",
    "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/srl-dev/trainer:0.1.0",
    "job_settings": {"RoleArn": ROLE},
    "tags": {"project": "srl", "environment": "dev", "installation": "srl-dev"},
    "instance_type": "ml.g5.xlarge",
    "max_hours": 1,
    "max_wait_hours": 1,
    "poll_seconds": 0.2,
}
NETWORK = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


def spec(**changes: Any) -> JobSpec:
    """The description of jobs, with changes."""
    return JobSpec.model_validate({**SETTINGS, **changes})


def write_spec(folder: Path, **changes: Any) -> Path:
    """The same as a file."""
    file = folder / "sagemaker.yaml"
    file.write_text(yaml.safe_dump({**SETTINGS, **changes}), encoding="utf-8")
    return file


def request(**changes: Any) -> StageRequest:
    """A stage that a job is to make."""
    values: dict[str, Any] = {
        "stage": "srl_checkpoint",
        "root": ROOT,
        "model_type": "inns",
        "data_version": "v1",
        "inputs": {},
        "config": {},
        "code_version": "c",
    }
    return StageRequest.model_validate({**values, **changes})


@dataclass
class Launch:
    """What came of a launch: an artifact or an error, and what the run's log says."""

    built: Built | None = None
    error: PipelineError | None = None
    log: str = ""


def launch(spec_file: Path, asked: StageRequest) -> Launch:
    """Run a job within a real asset step."""
    outcome = Launch()

    @dg.asset
    def stage(context) -> dg.MaterializeResult:  # type: ignore[no-untyped-def]
        try:
            outcome.built = run_on_sagemaker(context, asked, spec_file)
        except PipelineError as error:
            outcome.error = error
        return dg.MaterializeResult()

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([stage], instance=instance, raise_on_error=False)
        outcome.log = "\n".join(e.user_message for e in instance.all_logs(result.run_id))
    return outcome


def run_script(script: Path) -> None:
    """From now on a job's container runs ``script ADDRESS`` in the place of the training. Named double of an image."""

    def with_script(*given: Any) -> dict[str, Any]:
        made = training_job(*given)
        entry = {"ContainerEntrypoint": ["python", str(script)], "ContainerArguments": [given[3]]}
        return made | {"AlgorithmSpecification": {**made["AlgorithmSpecification"], **entry}}

    client.training_job = with_script  # type: ignore[attr-defined]


if __name__ == "__main__":  # a run in a process of its own: SPEC SCRIPT
    run_script(Path(sys.argv[2]))
    came = launch(Path(sys.argv[1]), request())
    print(came.log, came.error or "", sep="\n")
