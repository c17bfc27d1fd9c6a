"""Test-only: what is known of an emulated training job, as DescribeTrainingJob tells it. Nothing here runs anything."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from srl_pipeline_tests.aws.sagemaker_checks import described

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training image",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}
ENDED = ("Completed", "Failed", "Stopped")
REASON_LENGTH = 1024
DEFAULT_RUN = 24 * 3600


def failure_reason(written: str, code: int) -> str:
    """FailureReason for what the container wrote to its failure file. The model allows 1,024 characters for all."""
    ending = f", exit code: {code}"
    return f"AlgorithmError: {written}"[: REASON_LENGTH - len(ending)] + ending


def limit_reached(stop: Mapping[str, int], ran: float, since_creation: float) -> str | None:
    """The limit that a job with StoppingCondition ``stop`` has reached; seconds, ``ran`` on all machines together."""
    if since_creation > stop.get("MaxWaitTimeInSeconds", math.inf):
        return "MaxWaitTimeExceeded"
    if ran > stop.get("MaxRuntimeInSeconds", DEFAULT_RUN):
        return "MaxRuntimeExceeded"
    return None


class JobRecord:
    """A job's state. The names that are those of moto's own jobs are read by moto: ListTrainingJobs, ListTags.

    Attributes:
        changed: Hold it to read or change more than one thing; notified at each change.
        starts: How many machines it has had.
        ran: Seconds on machines.
    """

    def __init__(self, request: Mapping[str, Any], arn: str) -> None:
        self.training_job_name = str(request["TrainingJobName"])
        self.request, self.arn = request, arn
        self.tags: list[dict[str, str]] = list(request.get("Tags", ()))
        self.creation_time = self.last_modified_time = datetime.now(UTC)
        self.training_start_time: datetime | None = None
        self.training_end_time: datetime | None = None
        self.training_job_status, self.secondary_status = "InProgress", ""
        self.failure_reason: str | None = None
        self.transitions: list[dict[str, Any]] = []
        self.starts, self.ran = 0, 0.0
        self.changed = threading.Condition()
        self.enter("Starting")

    @property
    def spot(self) -> bool:
        return bool(self.request.get("EnableManagedSpotTraining"))

    def enter(self, secondary: str) -> None:
        """Be in another secondary status from now on."""
        with self.changed:
            now = datetime.now(UTC)
            if self.transitions:
                self.transitions[-1]["EndTime"] = now
            told = {"Status": secondary, "StartTime": now, "StatusMessage": MESSAGES[secondary]}
            self.transitions.append(told)
            self.secondary_status, self.last_modified_time = secondary, now
            if secondary == "Downloading" and self.training_start_time is None:
                self.training_start_time = now
            self.changed.notify_all()

    def end(self, secondary: str, reason: str | None = None) -> None:
        """Be ended from now on, with ``secondary`` as the last status and ``reason`` where it failed."""
        with self.changed:
            self.training_job_status = secondary if secondary in ENDED else "Stopped"
            self.failure_reason = reason
            self.enter(secondary)
            self.transitions[-1]["EndTime"] = self.training_end_time = self.last_modified_time

    def describe(self) -> dict[str, Any]:
        """DescribeTrainingJob's answer, times as `datetime`."""
        with self.changed:
            told: dict[str, Any] = {"EnableManagedSpotTraining": False}
            told |= {name: value for name, value in self.request.items() if name in described()}
            told |= {
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.training_job_status,
                "SecondaryStatus": self.secondary_status,
                "SecondaryStatusTransitions": [dict(transition) for transition in self.transitions],
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
                "TrainingStartTime": self.training_start_time,
                "TrainingEndTime": self.training_end_time,
                "FailureReason": self.failure_reason,
            }
            if self.training_start_time is not None and self.training_end_time is not None:
                lasted = math.ceil((self.training_end_time - self.training_start_time).total_seconds())
                told["TrainingTimeInSeconds"] = lasted
                told["BillableTimeInSeconds"] = min(math.ceil(self.ran), lasted)
            if self.training_job_status in ("Completed", "Stopped"):
                output = str(self.request["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
                artifact = f"{output}/{self.training_job_name}/output/model.tar.gz"
                told["ModelArtifacts"] = {"S3ModelArtifacts": artifact}
            return {name: value for name, value in told.items() if value is not None}
