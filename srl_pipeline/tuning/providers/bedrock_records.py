"""What is read of Bedrock's answers, by AWS's names, and what it means. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, model_validator

from srl_pipeline.tuning.records import JobState, VendorState

ENDED: dict[str, VendorState] = {"Completed": "succeeded", "Failed": "failed", "Stopped": "cancelled"}


class CreatedJob(BaseModel):
    """Answer to CreateModelCustomizationJob."""

    jobArn: str


class Stage(BaseModel):
    """One of the three stages of a job."""

    status: str = ""


class Stages(BaseModel):
    """How far a job is."""

    validationDetails: Stage = Stage()
    dataProcessingDetails: Stage = Stage()
    trainingDetails: Stage = Stage()


class CustomizationJob(BaseModel):
    """Answer to GetModelCustomizationJob."""

    jobArn: str
    status: Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped"]
    statusDetails: Stages = Stages()
    outputModelArn: str = ""
    failureMessage: str = ""
    creationTime: datetime
    endTime: datetime | None = None

    @model_validator(mode="after")
    def _complete(self) -> CustomizationJob:
        if self.status == "Completed" and not self.outputModelArn:
            raise ValueError(f"job {self.jobArn} is completed and names no model")
        return self

    @property
    def state(self) -> JobState:
        """How the job is doing. A job that never came to its training cost nothing."""
        begun = self.statusDetails.trainingDetails.status != "NotStarted"
        ended = ENDED.get(self.status)
        if ended is None:
            return JobState(state="running" if begun else "queued", note=self._note)
        return JobState(
            state=ended,
            model=self.outputModelArn if ended == "succeeded" else "",
            trained_tokens=None if begun else 0,
            trained_seconds=self._seconds if begun else 0.0,
            problem=(self.failureMessage or "AWS gives no reason") if ended == "failed" else "",
            note=self._note,
        )

    @property
    def _seconds(self) -> float | None:
        return (self.endTime - self.creationTime).total_seconds() if self.endTime else None

    @property
    def _note(self) -> str:
        stages = {
            "validation": self.statusDetails.validationDetails,
            "data processing": self.statusDetails.dataProcessingDetails,
            "training": self.statusDetails.trainingDetails,
        }
        return ", ".join(f"{name} {stage.status}" for name, stage in stages.items() if stage.status)


class Deployment(BaseModel):
    """Answer to GetCustomModelDeployment."""

    customModelDeploymentArn: str
    modelArn: str
    status: Literal["Creating", "Active", "Failed"]
    failureMessage: str = ""
