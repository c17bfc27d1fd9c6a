"""A CreateTrainingJob request: the same for a job that Dagster starts and for one of the Step Functions machine."""

from __future__ import annotations

import math
import re
from typing import Any

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import StageRequest
from srl_pipeline.launchers.child import ENTRY_POINT, ENVIRONMENT
from srl_pipeline.launchers.sagemaker.spec import JobSpec

HOME = "/tmp/srl"
"""In a container: on the volume that the job has, and gone with it."""
FAILURE = "/opt/ml/output/failure"
"""SageMaker tells what stands in this file as the reason why a job failed."""
JOBS, REQUESTS = "_pipes", "_requests"
"""Folders below the store's prefix, of what is of no use once a job has ended: what it said, what it was told."""
STAGES = {"srl_checkpoint": "srl", "rlvr_checkpoint": "rlvr", "eval_report": "eval", "current_evaluation": "current"}
MAX_BASE = 57
"""SageMaker's names have 63 characters; the number of the attempt and that of its retry follow the base."""

_LOCAL_STORAGE = re.compile(r"ml\.(g4dn|g5|g6e?|p3dn|p4de?|p5(e|en)?|trn[12]n?|[cmr]\d[a-z]*d[a-z]*)\.")
"""Instances with disks of their own in the volume's place: SageMaker refuses a key for them, they have theirs."""


def job_base(spec: JobSpec, request: StageRequest) -> str:
    """What the names of all attempts at one artifact begin with. Independent of any run, so a later one finds them."""
    made = digest([request.root, request.stage, request.model_type, request.data_version])
    begin, end = f"{spec.installation}-{STAGES[request.stage]}-", f"-{made}"
    name = re.sub("[^a-z0-9]+", "-", request.model_type.lower()).strip("-")
    return begin + name[: MAX_BASE - len(begin) - len(end)].strip("-") + end


def request_key(request: StageRequest) -> tuple[str, ...]:
    """Where a stage's request lies, below the store's prefix."""
    return REQUESTS, request.stage, request.model_type, f"{request.data_version}.json"


def training_job(
    spec: JobSpec, request: StageRequest, name: str, address: str, variables: dict[str, str] | None = None
) -> dict[str, Any]:
    """The request of one job.

    Args:
        name: `job_base` and the number of the attempt.
        address: ``s3://…`` of the stage's request.
        variables: Of the environment, for this job alone: where its progress is waited for.

    SageMaker's own ``CheckpointConfig`` is not used: it copies a folder file by file, and what is taken away in between
    is half a checkpoint. The process saves its work itself, whole or not at all (`registry.s3_saved`).
    """
    seconds = math.ceil(spec.max_hours * 3600)
    settings = spec.job_settings
    own = {"SRL_HOME": HOME, "SRL_FAILURE_FILE": FAILURE, **(variables or {})}
    network = {} if settings.VpcConfig is None else {"VpcConfig": settings.VpcConfig.model_dump()}
    key = {} if settings.KmsKeyId is None else {"KmsKeyId": settings.KmsKeyId}
    own_disks = _LOCAL_STORAGE.match(spec.instance_type)
    volume_key = {} if settings.KmsKeyId is None or own_disks else {"VolumeKmsKeyId": settings.KmsKeyId}
    tags = {**spec.tags, "model_type": request.model_type, "stage": request.stage}
    return {
        "TrainingJobName": name,
        "RoleArn": settings.RoleArn,
        "AlgorithmSpecification": {
            "TrainingImage": spec.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", *ENTRY_POINT],
            "ContainerArguments": ["--request", address],
        },
        "OutputDataConfig": {"S3OutputPath": f"{request.root}/{JOBS}", **key},
        "ResourceConfig": {
            "InstanceType": spec.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": spec.volume_gb,
            **volume_key,
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": seconds,
            **({"MaxWaitTimeInSeconds": seconds + math.ceil(spec.max_wait_hours * 3600)} if spec.spot else {}),
        },
        "EnableManagedSpotTraining": spec.spot,
        "Environment": {**ENVIRONMENT, **spec.environment, **own},
        "Tags": [{"Key": name, "Value": value} for name, value in sorted(tags.items())],
        **network,
    }
