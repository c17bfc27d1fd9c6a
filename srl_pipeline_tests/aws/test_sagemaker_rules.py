"""What the emulated SageMaker refuses, and its other decisions: nothing is started here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline_tests.aws.sagemaker_checks import refusal
from srl_pipeline_tests.aws.sagemaker_job import FORGOTTEN, outcome
from srl_pipeline_tests.aws.sagemaker_machine import on_machine
from srl_pipeline_tests.aws.sagemaker_record import failure_reason, limit_reached
from srl_pipeline_tests.aws.sagemaker_requests import request


def test_a_whole_request_is_taken() -> None:
    assert refusal(request("a", "pass", spot=True, Environment={"SRL_HOME": "/tmp/srl"})) is None


@pytest.mark.parametrize(
    ("changed", "field", "rule"),
    [
        ({"TrainingJobName": "a" * 64}, "trainingJobName", "length less than or equal to 63"),
        ({"TrainingJobName": "a_b"}, "trainingJobName", "satisfy regular expression pattern"),
        ({"RoleArn": None}, "roleArn", "not be null"),
        ({"RoleArn": "arn:aws:iam::1:user/x-and-longer"}, "roleArn", "satisfy regular expression pattern"),
        ({"Environment": {"A": "v" * 513}}, "environment.A.value", "length less than or equal to 512"),
        ({"Environment": {"A-B": "v"}}, "environment.key", "satisfy regular expression pattern"),
        ({"Environment": {f"A{i}": "" for i in range(101)}}, "environment", "length less than or equal to 100"),
        ({"Tags": [{"Key": "a", "Value": "x" * 257}]}, "tags.1.member.value", "length less than or equal to 256"),
    ],
)
def test_a_field_beyond_the_services_limits_is_refused(changed: dict[str, Any], field: str, rule: str) -> None:
    told = refusal(request("a", "pass") | changed)
    assert told is not None
    assert " detected: " in told
    assert f"at '{field}' failed to satisfy constraint: Member must " in told
    assert rule in told


def test_a_container_argument_has_at_most_256_characters() -> None:
    told = refusal(request("a", "#" * 257))
    assert told is not None
    assert "at 'algorithmSpecification.containerArguments.2.member'" in told


@pytest.mark.parametrize("waits", [{}, {"MaxWaitTimeInSeconds": 599}])
def test_a_spot_job_waits_at_least_as_long_as_it_runs(waits: dict[str, int]) -> None:
    told = refusal(request("a", "pass", spot=True) | {"StoppingCondition": {"MaxRuntimeInSeconds": 600, **waits}})
    assert told is not None
    assert told.startswith("Invalid MaxWaitTimeInSeconds. It must be present")


def test_a_job_on_demand_has_no_wait_time() -> None:
    assert refusal(request("a", "pass", spot=True) | {"EnableManagedSpotTraining": False}) is not None


@pytest.mark.parametrize("name", ["CheckpointConfig", "InputDataConfig"])
def test_what_the_emulation_would_ignore_it_refuses(name: str) -> None:
    own = {
        "CheckpointConfig": {"S3Uri": "s3://srl-dev-artifacts/c"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://srl-dev-artifacts/i"}},
            }
        ],
    }
    assert refusal(request("a", "pass") | {name: own[name]}) == f"The emulation has no {name}."


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("/opt/ml", "/m/opt/ml"),
        ("/opt/ml/output/failure", "/m/opt/ml/output/failure"),
        ("/tmp/srl/work", "/m/tmp/srl/work"),
        ("/tmp/srl-else", "/tmp/srl-else"),
        ("s3://b/opt/ml", "s3://b/opt/ml"),
    ],
)
def test_the_containers_two_folders_lie_on_its_machine(value: str, seen: str) -> None:
    assert on_machine(value, Path("/m")) == seen


def test_a_failure_reason_has_at_most_1024_characters_and_ends_with_the_exit_code() -> None:
    assert failure_reason("no data", 3) == "AlgorithmError: no data, exit code: 3"
    assert failure_reason("", 1) == "AlgorithmError: , exit code: 1"
    long = failure_reason("x" * 2000, 1)
    assert len(long) == 1024
    assert long.endswith("x, exit code: 1")


@pytest.mark.parametrize(
    ("ran", "since", "limit"), [(5, 9, None), (11, 12, "MaxRuntimeExceeded"), (5, 21, "MaxWaitTimeExceeded")]
)
def test_running_and_waiting_are_limited_apart(ran: float, since: float, limit: str | None) -> None:
    assert limit_reached({"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 20}, ran, since) == limit


@pytest.mark.parametrize(
    ("code", "why", "asked", "ended"),
    [
        (0, None, None, "Completed"),
        (1, None, None, "Failed"),
        (0, None, "Interrupted", "Completed"),
        (0, None, "Stopped", "Stopped"),
        (143, "Interrupted", "Interrupted", "Interrupted"),
        (143, "Interrupted", "Stopped", "Stopped"),
        (0, "MaxRuntimeExceeded", None, "MaxRuntimeExceeded"),
        (137, "Interrupted", FORGOTTEN, FORGOTTEN),
    ],
)
def test_how_a_start_went(code: int, why: str | None, asked: str | None, ended: str) -> None:
    assert outcome(code, why, asked) == ended
