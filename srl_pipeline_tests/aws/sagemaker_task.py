"""Test-only: ``sagemaker:createTrainingJob`` and ``….sync`` for moto's Step Functions, which has neither.

The job is made by a request to the emulator itself, as any other. As AWS does it: two tags are added, times in the
output are milliseconds of the epoch, the error of a refused request is ``SageMaker.<Code>Exception`` for the codes that
the API declares and ``SageMaker.AmazonSageMakerException`` for all others, a failed job is ``States.TaskFailed`` with
the description as cause, and an execution that ends stops its job. Not documented, so ours: a stopped job is no
failure but an output with that status: a machine must look at it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from srl_pipeline_tests.aws.sagemaker_checks import shape_of_request
from srl_pipeline_tests.aws.sagemaker_job import TrainingJob

OWN_CODES = ("ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound")
JOB_FAILED = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
UNUSABLE = StatesErrorName(typ=StatesErrorNameType.StatesRuntime)
LOOK_SECONDS = 0.1


def task_for(service_name: str) -> CreateTrainingJob | None:
    """The integration of ``sagemaker``; None for other services."""
    return CreateTrainingJob() if service_name == "sagemaker" else None


def error_name(code: str) -> str:
    """How a state machine sees an API error."""
    return f"SageMaker.{code if code in OWN_CODES else 'AmazonSageMaker'}Exception"


def as_output(value: Any) -> Any:
    """A description as Step Functions writes it: times in milliseconds."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, dict):
        return {name: as_output(member) for name, member in value.items()}
    return [as_output(member) for member in value] if isinstance(value, list) else value


class CreateTrainingJob(StateTaskServiceCallback):
    """A task that makes a training job, and with ``.sync`` waits for its end."""

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition(ResourceCondition.Sync)})

    def _get_supported_parameters(self) -> set[str] | None:
        known = self.resource.api_action == "createTrainingJob" and self.resource.condition in (
            None,
            ResourceCondition.Sync,
        )
        return set(shape_of_request().members) if known else None

    def _eval_parameters(self, env: Any) -> dict[str, Any]:
        assert self.parargs is not None, "a training job needs Parameters"
        self.parargs.eval(env=env)
        parameters = env.stack.pop()  # not moto's: it drops what the API does not have, AWS refuses that
        if wrong := ParamValidator().validate(parameters, shape_of_request()).generate_report():
            raise FailureEventException(self._failed(env, UNUSABLE, wrong))
        return parameters

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ):
        execution = env.states.context_object.context_object_data["Execution"]["Id"]
        own = {"AWS_STEP_FUNCTIONS_EXECUTION_ARN": execution, "MANAGED_BY_AWS": "STARTED_BY_STEP_FUNCTIONS"}
        tags = [*normalised_parameters.get("Tags", ()), *({"Key": k, "Value": v} for k, v in own.items())]
        client = boto_client_for(service="sagemaker", region=resource_runtime_part.region)
        made = client.create_training_job(**{**normalised_parameters, "Tags": tags})
        env.stack.append({"TrainingJobArn": made["TrainingJobArn"]})

    def _eval_integration_pattern(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> None:
        from moto.sagemaker.models import sagemaker_backends

        env.stack.pop()
        backend = sagemaker_backends[resource_runtime_part.account][resource_runtime_part.region]
        job: Any = backend.training_jobs[normalised_parameters["TrainingJobName"]]
        env.stack.append(self._output(env, job))

    def _output(self, env: Any, job: TrainingJob) -> dict[str, Any]:
        while env.is_running() and not job.over.wait(LOOK_SECONDS):
            pass
        if not env.is_running():
            job.stop()
        told = as_output(job.describe()) | {"Tags": {tag["Key"]: tag["Value"] for tag in job.tags}}
        if told["TrainingJobStatus"] == "Failed":
            raise FailureEventException(self._failed(env, JOB_FAILED, to_json_str(told)))
        return told

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError):
            return super()._from_error(env=env, ex=ex)
        code, answer = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
        details = f"Service: AmazonSageMaker; Status Code: {answer['HTTPStatusCode']}; Error Code: {code}"
        cause = f"{ex.response['Error']['Message']} ({details}; Proxy: null)"
        return self._failed(env, CustomErrorName(error_name(code)), cause)

    def _failed(self, env: Any, error: ErrorName, cause: str) -> FailureEvent:
        failed = TaskFailedEventDetails(
            error=error.error_name,
            cause=cause,
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
        )
        event: Any = {"taskFailedEventDetails": failed}
        return FailureEvent(env, error, HistoryEventType.TaskFailed, event)
