"""Test-only: SageMaker training jobs in moto 5.2.5, whose own are records that are complete at once.

`install` makes CreateTrainingJob, DescribeTrainingJob and StopTrainingJob run processes on this machine, and Step
Functions' ``sagemaker:createTrainingJob.sync`` wait for them. Requests below `CONTROL` are for tests: `TrainingJobs`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from srl_pipeline_tests.aws.sagemaker_checks import refusal
from srl_pipeline_tests.aws.sagemaker_job import Surroundings, TrainingJob

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
CONTROL = "/_srl/sagemaker/"  # no name of a bucket begins so
GRACE_SECONDS = 20.0  # 120 at AWS


class Sagemaker:
    """The training jobs of a server process.

    Attributes:
        grace: Seconds between SIGTERM and SIGKILL, for jobs made from now on.
        without_capacity: How many of the next jobs find no machine.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment``: by which a container finds the emulated AWS."""
        self._environment = environment
        self._making = threading.Lock()
        self.grace, self.without_capacity = GRACE_SECONDS, 0

    def create(self, backend: Any, request: Mapping[str, Any]) -> TrainingJob:
        from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
        from moto.sagemaker.models import FakeTrainingJob

        if (why := refusal(request)) is not None:
            raise ValidationError(message=why)
        name, region = request["TrainingJobName"], backend.region_name
        arn = FakeTrainingJob.arn_formatter(name, backend.account_id, region)
        with self._making:
            if name in backend.training_jobs:
                raise ResourceInUseException(
                    "Training job names must be unique within an AWS account and region, and a training job with this "
                    f"name already exists ({arn})"
                )
            around = Surroundings(
                environment={**self._environment, "AWS_REGION": region, "AWS_DEFAULT_REGION": region},
                line=lambda stream, text: log(backend.account_id, region, stream, text),
                grace=self.grace,
                capacity=self.without_capacity == 0,
            )
            self.without_capacity = max(0, self.without_capacity - 1)
            backend.training_jobs[name] = job = TrainingJob(request, arn, around)
        return job

    def jobs(self) -> Iterator[TrainingJob]:
        from moto.sagemaker.models import sagemaker_backends

        for account in list(sagemaker_backends.values()):
            for backend in list(account.values()):
                kept: Any = backend.training_jobs
                yield from list(kept.values())

    def forget(self) -> None:
        """Kill everything that runs, and have the settings of the beginning."""
        for job in self.jobs():
            job.forget()
        self.grace, self.without_capacity = GRACE_SECONDS, 0

    def control(self, action: str, query: str) -> tuple[int, Any]:
        """A test's request below `CONTROL`: HTTP status and JSON."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if action == "jobs":
            return 200, [seen(job) for job in self.jobs()]
        if action == "grace":
            self.grace = float(asked["seconds"])
        elif action == "no-capacity":
            self.without_capacity += 1
        elif action == "interrupt":
            job = next((job for job in self.jobs() if job.training_job_name == asked["name"]), None)
            grace = float(asked["grace"]) if "grace" in asked else None
            why = job.interrupt(grace, float(asked["away"])) if job else "there is no such job"
            return (200, None) if why is None else (409, why)
        else:
            return 404, f"no such action: {action}"
        return 200, None


def seen(job: TrainingJob) -> dict[str, Any]:
    """A job for a test's eyes: the fields of `sagemaker_control.Seen`."""
    with job.changed:
        return {
            "name": job.training_job_name,
            "status": job.training_job_status,
            "secondary": job.secondary_status,
            "starts": job.starts,
            "pid": job.machine.pid if job.machine else None,
            "machine": str(job.machine.folder) if job.machine else None,
            "reason": job.failure_reason,
        }


def log(account: str, region: str, stream: str, text: str) -> None:
    """One event in CloudWatch; group and stream are there from the first on."""
    from moto.logs.models import logs_backends

    backend = logs_backends[account][region]
    backend.ensure_log_group(LOG_GROUP)
    backend.ensure_log_stream(LOG_GROUP, stream)
    event = {"timestamp": int(time.time() * 1000), "message": text}
    backend.groups[LOG_GROUP].put_log_events(stream, [event])


def install(environment: Mapping[str, str]) -> Sagemaker:
    """Put training jobs in the place of moto's, for all servers of this process; before the first request."""
    from moto.core.responses import ActionResult, EmptyResult
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.responses import SageMakerResponse
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory

    from srl_pipeline_tests.aws.sagemaker_task import task_for

    sagemaker = Sagemaker(environment)

    def found(self: Any) -> TrainingJob:
        try:
            return self.sagemaker_backend.training_jobs[self._get_param("TrainingJobName")]
        except KeyError:
            raise ValidationError(message="Requested resource not found.") from None

    def create_training_job(self: Any) -> ActionResult:
        job = sagemaker.create(self.sagemaker_backend, json.loads(self.body))
        return ActionResult({"TrainingJobArn": job.arn})

    def describe_training_job(self: Any) -> ActionResult:
        return ActionResult(found(self).describe())

    def stop_training_job(self: Any) -> EmptyResult:
        job = found(self)
        if not job.stop():
            status = job.training_job_status
            raise ValidationError(message=f"The request was rejected because the training job is in status {status}.")
        return EmptyResult()

    for method in (create_training_job, describe_training_job, stop_training_job):
        setattr(SageMakerResponse, method.__name__, method)
    factory: Any = state_task_factory
    others = factory.state_task_service_for
    factory.state_task_service_for = lambda service_name: task_for(service_name) or others(service_name)
    return sagemaker


def stop_executions() -> None:
    """End all executions of state machines: a retry of one must not reach the AWS of the next test."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    for account in list(stepfunctions_parser_backends.values()):
        for backend in list(account.values()):
            executions: list[Any] = [e for machine in backend.state_machines for e in machine.executions]
            for execution in executions:
                if execution.status == "RUNNING" and execution.exec_worker.env is not None:
                    execution.stop(stop_date=datetime.now(UTC), error=None, cause="the test is over")
