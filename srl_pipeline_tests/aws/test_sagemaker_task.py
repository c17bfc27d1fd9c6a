"""``sagemaker:createTrainingJob.sync`` in the emulated Step Functions: small machines that run real jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from srl_pipeline_tests.aws.moto_server import MotoServer, execute_state_machines, inject, moto_server
from srl_pipeline_tests.aws.sagemaker_faults import denied, no_quota, throttled
from srl_pipeline_tests.aws.sagemaker_requests import request

__all__ = ["moto_server"]
pytestmark = pytest.mark.chain

FIRST_FAILS = "import os, sys; sys.exit(os.environ['TRAINING_JOB_NAME'].endswith('-0'))"
SLEEP = "import time; time.sleep(300)"


@pytest.fixture
def server(moto_server: MotoServer) -> MotoServer:
    execute_state_machines(moto_server.url)
    return moto_server


def execution_of(script: str, *retries: str, **parameters: Any) -> str:
    """Start a machine of one job, tried once more, under the next name, after each of the errors ``retries``."""
    again = [{"ErrorEquals": [error], "IntervalSeconds": 1, "MaxAttempts": 1} for error in retries]
    asked: dict[str, Any] = {**request("job", script), **parameters}
    asked["TrainingJobName.$"] = f"States.Format('{asked.pop('TrainingJobName')}-{{}}', $$.State.RetryCount)"
    resource = "arn:aws:states:::sagemaker:createTrainingJob.sync"
    train = {"Type": "Task", "Resource": resource, "Parameters": asked, "Retry": again, "End": True}
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(
        name="train",
        definition=json.dumps({"StartAt": "Train", "States": {"Train": train}}),
        roleArn="arn:aws:iam::123456789012:role/srl-dev-step-functions",
    )
    return client.start_execution(stateMachineArn=machine["stateMachineArn"], name="one", input="{}")["executionArn"]


def ended(execution: str) -> Mapping[str, Any]:
    client = boto3.client("stepfunctions")
    for _ in range(600):
        if (told := client.describe_execution(executionArn=execution))["status"] != "RUNNING":
            return told
        time.sleep(0.1)
    raise AssertionError("the execution does not end")


def jobs(server: MotoServer) -> list[tuple[str, str]]:
    return [(job.name, job.status) for job in server.training_jobs.jobs()]


def test_the_machine_waits_for_the_job_and_has_its_description(server: MotoServer) -> None:
    execution = execution_of("import time; time.sleep(1)", Tags=[{"Key": "srl:run", "Value": "7"}])
    told = ended(execution)
    assert told["status"] == "SUCCEEDED"
    output = json.loads(told["output"])
    assert (output["TrainingJobName"], output["TrainingJobStatus"]) == ("job-0", "Completed")
    assert output["TrainingEndTime"] - output["TrainingStartTime"] >= 1000, "milliseconds"
    assert output["Tags"] == {
        "srl:run": "7",
        "AWS_STEP_FUNCTIONS_EXECUTION_ARN": execution,
        "MANAGED_BY_AWS": "STARTED_BY_STEP_FUNCTIONS",
    }


def test_a_failed_job_is_tried_again_under_the_next_name(server: MotoServer) -> None:
    told = ended(execution_of(FIRST_FAILS, "States.TaskFailed"))
    assert told["status"] == "SUCCEEDED"
    assert jobs(server) == [("job-0", "Failed"), ("job-1", "Completed")]


def test_a_job_that_fails_again_fails_the_machine_with_its_description(server: MotoServer) -> None:
    told = ended(execution_of("import sys; sys.exit(3)", "States.TaskFailed"))
    assert (told["status"], told["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(told["cause"])
    assert (cause["TrainingJobName"], cause["FailureReason"]) == ("job-1", "AlgorithmError: , exit code: 3")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (no_quota(), "SageMaker.ResourceLimitExceededException"),
        (throttled("CreateTrainingJob"), "SageMaker.AmazonSageMakerException"),
        (denied("CreateTrainingJob"), "SageMaker.AmazonSageMakerException"),
    ],
)
def test_a_refused_request_is_an_error_of_sagemaker(server: MotoServer, fault: Any, error: str) -> None:
    inject(server.url, fault)
    told = ended(execution_of("pass"))
    assert (told["status"], told["error"]) == ("FAILED", error)
    assert told["cause"].startswith(fault.message)
    assert jobs(server) == []


def test_a_machine_waits_for_its_quota(server: MotoServer) -> None:
    inject(server.url, no_quota())
    assert ended(execution_of("pass", "SageMaker.ResourceLimitExceededException"))["status"] == "SUCCEEDED"
    assert jobs(server) == [("job-1", "Completed")]


def test_a_parameter_that_the_service_does_not_have_starts_nothing(server: MotoServer) -> None:
    told = ended(execution_of("pass", Environmnt={}))
    assert (told["status"], told["error"]) == ("FAILED", "States.Runtime")
    assert "Environmnt" in told["cause"]
    assert jobs(server) == []


def test_a_stopped_execution_stops_its_job(server: MotoServer) -> None:
    execution = execution_of(SLEEP)
    server.training_jobs.wait("job-0", "Training")
    boto3.client("stepfunctions").stop_execution(executionArn=execution)
    server.training_jobs.wait("job-0", "Stopped", seconds=15)
    assert ended(execution)["status"] == "ABORTED"


def test_a_stopped_job_is_an_output_and_no_failure(server: MotoServer) -> None:
    execution = execution_of(SLEEP, "States.ALL")
    server.training_jobs.wait("job-0", "Training")
    boto3.client("sagemaker").stop_training_job(TrainingJobName="job-0")
    assert json.loads(ended(execution)["output"])["TrainingJobStatus"] == "Stopped"


def test_no_execution_outlives_a_reset(server: MotoServer) -> None:
    execution_of("import sys; sys.exit(1)", "States.TaskFailed")
    server.training_jobs.wait("job-0", "Failed")
    server.reset()
    time.sleep(1.5)  # longer than the retry waits
    assert jobs(server) == []
