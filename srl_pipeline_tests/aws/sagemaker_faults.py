"""Test-only: refusals of SageMaker in AWS's words, for `MotoServer.faults`."""

from __future__ import annotations

from srl_pipeline_tests.aws.moto_server import REGION, Fault

JOBS = f"arn:aws:sagemaker:{REGION}:123456789012:training-job"


def no_quota(instance_type: str = "ml.g5.xlarge") -> Fault:
    """The next CreateTrainingJob meets a quota."""
    return Fault(
        "SageMaker.CreateTrainingJob",
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for training job usage' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an "
        "increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase "
        "for this quota.",
    )


def throttled(operation: str) -> Fault:
    """The next ``operation``, such as DescribeTrainingJob, is one too many."""
    return Fault(f"SageMaker.{operation}", "ThrottlingException", "Rate exceeded")


def denied(operation: str) -> Fault:
    """The next ``operation`` is not allowed to this caller."""
    return Fault(
        f"SageMaker.{operation}",
        "AccessDeniedException",
        f"User: arn:aws:sts::123456789012:assumed-role/srl-dev-control-plane/session is not authorized to perform: "
        f"sagemaker:{operation} on resource: {JOBS}/* because no identity-based policy allows the "
        f"sagemaker:{operation} action",
    )
