"""The request of a job: the same for Dagster and for the state machine, and as the API wants it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from srl_pipeline.contracts import Stage
from srl_pipeline.launchers.sagemaker.chain import execution_input
from srl_pipeline.launchers.sagemaker.jobs import attempt
from srl_pipeline.launchers.sagemaker.request import job_base, request_key, training_job
from srl_pipeline_tests.launchers.sagemaker.workshop import NETWORK, ROLE, ROOT, request, spec

ADDRESS = f"{ROOT}/_requests/srl_checkpoint/inns/v1.json"
PIPES = {"DAGSTER_PIPES_CONTEXT": "abc", "DAGSTER_PIPES_MESSAGES": "def"}
GOLDEN = {
    "TrainingJobName": "srl-dev-srl-inns-f3-0",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {
        "TrainingImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/srl-dev/trainer:0.1.0",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python", "-m", "srl_pipeline.stages"],
        "ContainerArguments": ["--request", ADDRESS],
    },
    "OutputDataConfig": {"S3OutputPath": f"{ROOT}/_pipes"},
    "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
    "EnableManagedSpotTraining": True,
    "Environment": {
        "GOMP_SPINCOUNT": "20000",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "SRL_HOME": "/tmp/srl",
        "SRL_FAILURE_FILE": "/opt/ml/output/failure",
    },
    "Tags": [
        {"Key": "environment", "Value": "dev"},
        {"Key": "installation", "Value": "srl-dev"},
        {"Key": "model_type", "Value": "inns"},
        {"Key": "project", "Value": "srl"},
        {"Key": "stage", "Value": "srl_checkpoint"},
    ],
}


def built(name: str = "srl-dev-srl-inns-f3-0", variables: dict[str, str] | None = None, **changes: Any) -> Any:
    return training_job(spec(**changes), request(), name, ADDRESS, variables)


def complaints(job: dict[str, Any]) -> str:
    """What the API's own description says is wrong with a request."""
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    return ParamValidator().validate(job, model.operation_model("CreateTrainingJob").input_shape).generate_report()


def test_a_job_of_dagster_and_one_of_the_machine_differ_in_the_pipes_and_in_who_gives_the_role() -> None:
    machine = execution_input({"srl_checkpoint": built()}, run="r", model_type="inns", cap=7)
    dagster = built(variables=PIPES)
    assert {k: v for k, v in GOLDEN.items() if k != "RoleArn"} == machine["requests"]["srl_checkpoint"]
    assert GOLDEN | {"Environment": {**GOLDEN["Environment"], **PIPES}} == dagster  # type: ignore[dict-item]


def test_the_input_of_the_machine_says_run_type_and_cap() -> None:
    given = execution_input({}, run="r", model_type="inns", cap=7)
    assert given == {"run": "r", "model_type": "inns", "cap_nanos": 7, "requests": {}}


@pytest.mark.parametrize("settings", [{"RoleArn": ROLE}, {"RoleArn": ROLE, "KmsKeyId": "k", "VpcConfig": NETWORK}])
@pytest.mark.parametrize("spot", [True, False])
def test_the_api_takes_the_request(settings: dict[str, Any], spot: bool) -> None:
    job = built(job_settings=settings, spot=spot)
    assert complaints(job) == ""
    assert ("MaxWaitTimeInSeconds" in job["StoppingCondition"]) == spot == job["EnableManagedSpotTraining"]


def test_the_key_of_the_installation_encrypts_volume_and_output() -> None:
    job = built(job_settings={"RoleArn": ROLE, "KmsKeyId": "k", "VpcConfig": NETWORK}, instance_type="ml.p3.2xlarge")
    assert job["OutputDataConfig"]["KmsKeyId"] == job["ResourceConfig"]["VolumeKmsKeyId"] == "k"
    assert job["VpcConfig"] == NETWORK


@pytest.mark.parametrize("instance_type", ["ml.g5.xlarge", "ml.p4d.24xlarge", "ml.g4dn.xlarge", "ml.m5d.large"])
def test_a_machine_with_disks_of_its_own_is_given_no_key_for_them(instance_type: str) -> None:
    job = built(job_settings={"RoleArn": ROLE, "KmsKeyId": "k"}, instance_type=instance_type)
    assert "VolumeKmsKeyId" not in job["ResourceConfig"] and job["OutputDataConfig"]["KmsKeyId"] == "k"


def test_our_own_variables_stand_over_those_of_the_file() -> None:
    environment = built(environment={"SRL_HOME": "/elsewhere", "OMP_NUM_THREADS": "8"})["Environment"]
    assert (environment["SRL_HOME"], environment["OMP_NUM_THREADS"]) == ("/tmp/srl", "8")


@pytest.mark.parametrize("model_type", ["inns", "x" * 64, "Über_die_Häuser", "a_b"])
@pytest.mark.parametrize("stage", ["srl_checkpoint", "current_evaluation"])
def test_the_name_of_any_attempt_is_one_that_sagemaker_takes(model_type: str, stage: Stage) -> None:
    base = job_base(spec(installation="a" * 24), request(model_type=model_type, stage=stage))
    name = attempt(base, 99, 9)
    assert len(name) <= 63 and len(f"{base}-99") <= 60
    assert complaints(built(name)) == ""


def test_the_name_follows_from_the_artifact_alone() -> None:
    base = job_base(spec(), request())
    assert base == job_base(spec(image="other:2", spot=False), request(config={"seed": 2}))
    others = [request(root=f"{ROOT}/other"), request(data_version="v2"), request(model_type="barns")]
    assert len({base, *(job_base(spec(), other) for other in others)}) == 4


def test_a_request_has_a_place_of_its_own() -> None:
    assert request_key(request()) == ("_requests", "srl_checkpoint", "inns", "v1.json")
