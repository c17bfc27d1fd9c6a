"""Test-only: Bedrock's customization jobs and deployments, and the way of each through its states."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from moto.bedrock.exceptions import BedrockClientError

ACCOUNT = "123456789012"
_STAGES = ("validationDetails", "dataProcessingDetails", "trainingDetails")
_KEPT = ("jobName", "roleArn", "clientRequestToken", "hyperParameters", "customizationType", "customizationConfig")


@dataclass(frozen=True)
class Script:
    """How jobs and deployments go.

    Attributes:
        gets: Answers about a job by its ARN until it has ended; those before show its three stages in turn.
        seconds: Between the two times of a job that ran to its end.
        lost_after: So many answers by its ARN, and then the job is unknown; None: never.
        deploy_gets: Answers about a deployment until it is ready, or has failed.
        minimum: Rows that a training file must have.
    """

    ends: Literal["Completed", "Failed"] = "Completed"
    gets: int = 4
    seconds: int = 3600
    lost_after: int | None = None
    deploy_ends: Literal["Active", "Failed"] = "Active"
    deploy_gets: int = 2
    minimum: int = 1


@dataclass
class Job:
    """A job as it was asked for, what is wrong with its data, and how far it is."""

    request: dict[str, Any]
    region: str
    script: Script
    fault: str
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    seen: int = 0
    status: str = "InProgress"

    def __post_init__(self) -> None:
        base = self.request["baseModelIdentifier"].rpartition("/")[2]
        place, tail = f"arn:aws:bedrock:{self.region}", f"{base}/{_hash(self.request['jobName'])}"
        self.base_arn = f"{place}::foundation-model/{base}"
        self.arn = f"{place}:{ACCOUNT}:model-customization-job/{tail}"
        self.model_arn = f"{place}:{ACCOUNT}:custom-model/{tail}"

    @property
    def ended(self) -> bool:
        return self.status in ("Completed", "Failed", "Stopped")

    @property
    def stage(self) -> int:
        """Index of the stage that it is in, or was in when it ended."""
        return 0 if self.fault else max(0, min(2, (self.seen - 1) * 3 // max(1, self.script.gets - 1)))

    @property
    def seconds(self) -> int:
        """Billed time: none before the training began."""
        share = min(self.seen, self.script.gets) if self.status == "Stopped" else self.script.gets
        return self.script.seconds * share // self.script.gets if self.stage == 2 else 0

    def advance(self) -> None:
        """One more answer by its ARN."""
        self.seen += 1
        if self.status == "Stopping":
            self.status = "Stopped"
        elif self.status == "InProgress" and (self.fault or self.seen >= self.script.gets):
            self.status = "Failed" if self.fault else self.script.ends

    def stop(self) -> None:
        if self.status != "InProgress":
            raise BedrockClientError("ConflictException", f"The job is {self.status} and cannot be stopped.")
        self.status = "Stopping"

    def answer(self) -> dict[str, Any]:
        """The output of GetModelCustomizationJob."""
        stages = ["Completed"] * self.stage + [self.status] + ["NotStarted"] * (2 - self.stage)
        told = {name: self.request[name] for name in _KEPT if name in self.request} | {
            "jobArn": self.arn,
            "outputModelName": self.request["customModelName"],
            "baseModelArn": self.base_arn,
            "trainingDataConfig": self.request["trainingDataConfig"],
            "validationDataConfig": self.request.get("validationDataConfig", {"validators": []}),
            "outputDataConfig": self.request["outputDataConfig"],
            "status": self.status,
            "statusDetails": {name: {"status": status} for name, status in zip(_STAGES, stages, strict=True)},
            "creationTime": self.created.isoformat(),
        }
        if self.ended:
            told["endTime"] = (self.created + timedelta(seconds=self.seconds)).isoformat()
        if self.status == "Completed":
            told["outputModelArn"] = self.model_arn
        if self.status == "Failed":
            told["failureMessage"] = self.fault or "Training diverged: the loss is not a number."
        return told


@dataclass
class Deployed:
    """A deployment of a custom model."""

    request: dict[str, Any]
    region: str
    script: Script
    seen: int = 0

    @property
    def arn(self) -> str:
        name = _hash(self.request["modelDeploymentName"])
        return f"arn:aws:bedrock:{self.region}:{ACCOUNT}:custom-model-deployment/{name}"

    def answer(self) -> dict[str, Any]:
        """The output of GetCustomModelDeployment, one answer further."""
        self.seen += 1
        told = {name: self.request[name] for name in ("modelDeploymentName", "modelArn")}
        told |= {"customModelDeploymentArn": self.arn, "createdAt": datetime.now(UTC).isoformat()}
        if self.seen < self.script.deploy_gets:
            return told | {"status": "Creating"}
        failure = {"failureMessage": "No capacity is left."} if self.script.deploy_ends == "Failed" else {}
        return told | {"status": self.script.deploy_ends} | failure


def fault_of(content: bytes, kind: str, minimum: int) -> str:
    """What is wrong with a data file, by AWS's documented formats; empty if nothing is."""
    check = _prompt if kind == "REINFORCEMENT_FINE_TUNING" else _conversation
    lines = content.decode().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            if not check(json.loads(line)):
                return f"Line {number} of the data is invalid."
        except (ValueError, KeyError, TypeError) as error:
            return f"Line {number} of the data is invalid: {type(error).__name__} {error}"
    return "" if len(lines) >= minimum else f"{len(lines)} rows are too few: at least {minimum} are needed."


def _prompt(row: dict[str, Any]) -> bool:
    texts = [message["content"] for message in row["messages"]]
    return (
        row["messages"][-1]["role"] == "user" and "reference_answer" in row and all(isinstance(t, str) for t in texts)
    )


def _conversation(row: dict[str, Any]) -> bool:
    roles = [message["role"] for message in row["messages"]]
    parts = [*row.get("system", []), *(part for message in row["messages"] for part in message["content"])]
    alternate = roles == ["user", "assistant"] * (len(roles) // 2)
    known = row.keys() <= {"schemaVersion", "system", "messages"}
    return alternate and known and row["schemaVersion"] == "bedrock-conversation-2024" and all(p["text"] for p in parts)


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
