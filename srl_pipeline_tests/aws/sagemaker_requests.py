"""Test-only: small requests to CreateTrainingJob."""

from __future__ import annotations

from typing import Any

ROLE = "arn:aws:iam::123456789012:role/srl-dev-training"


def request(name: str, script: str, *arguments: str, spot: bool = False, **more: Any) -> dict[str, Any]:
    """A job that runs the Python ``script`` (one line, at most 256 characters); ``more`` replaces whole fields."""
    stop = {"MaxRuntimeInSeconds": 600, **({"MaxWaitTimeInSeconds": 1200} if spot else {})}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/srl-dev-trainer:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python"],
            "ContainerArguments": ["-c", script, *arguments],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://srl-dev-artifacts/_output"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": stop,
        "EnableManagedSpotTraining": spot,
        **more,
    }
