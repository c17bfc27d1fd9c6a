"""What Vertex AI is asked to do, and what it says of a job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from google.genai import types
from pydantic import BaseModel, Field

from srl_pipeline.teachers.calls.records import PermanentError, TransientError
from srl_pipeline.tuning.records import JobSpec, JobState, Split, VendorState

LABEL = "srl-key"
SECONDS = 60.0
"""Of one call."""
HTTP = types.HttpOptions(timeout=int(1000 * SECONDS))
_METHODS = {
    "supervised": types.TuningMethod.SUPERVISED_FINE_TUNING,
    "preference": types.TuningMethod.PREFERENCE_TUNING,
}
_STATES: dict[str, VendorState] = {
    "JOB_STATE_QUEUED": "queued",
    "JOB_STATE_PENDING": "queued",
    "JOB_STATE_RUNNING": "running",
    "JOB_STATE_UPDATING": "running",
    "JOB_STATE_PAUSED": "running",
    "JOB_STATE_CANCELLING": "running",
    "JOB_STATE_SUCCEEDED": "succeeded",
    "JOB_STATE_PARTIALLY_SUCCEEDED": "succeeded",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_EXPIRED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
}


def check_spec(spec: JobSpec) -> None:
    """Raises PermanentError for what Vertex AI does not take; nothing that was asked for is left out."""
    refused = ""
    if spec.method not in _METHODS:
        refused = f"the method {spec.method!r} is not offered here for Gemini"
    elif spec.batch_size is not None:
        refused = "Vertex AI chooses the batch size of Gemini itself"
    elif spec.beta is not None and spec.method != "preference":
        refused = "beta is a setting of the method 'preference'"
    if refused:
        raise PermanentError(refused, mend="Change the tuner in tuning.yaml; docs/tuning.md lists what is offered.")


def job_config(spec: JobSpec, files: Mapping[Split, str]) -> types.CreateTuningJobConfig:
    """The SDK's settings of a job."""
    validation = files.get("validation")
    return types.CreateTuningJobConfig(
        http_options=HTTP,
        method=_METHODS[spec.method],
        tuned_model_display_name=f"{spec.name}-{spec.key}",
        labels={LABEL: spec.key},
        epoch_count=spec.epochs,
        learning_rate_multiplier=spec.learning_rate_multiplier,
        beta=spec.beta,
        export_last_checkpoint_only=True,  # else every epoch is deployed to an endpoint of its own
        validation_dataset=types.TuningValidationDataset(gcs_uri=validation) if validation else None,
    )


def state_of(job: Job) -> JobState:
    """How a job is doing; raises TransientError for what cannot be told yet."""
    state = _STATES.get(job.state)
    if state is None:
        raise TransientError(f"the tuning job {job.name} is in a state that is not known here: {job.state}")
    endpoint = job.tuned_model.endpoint if job.tuned_model else None
    if state == "succeeded" and not endpoint:
        raise TransientError(f"the tuning job {job.name} succeeded and does not say yet where its model is")
    return JobState(
        state=state,
        model=endpoint or "",
        trained_tokens=_billed(job),
        problem=(job.error.message or f"code {job.error.code}") if job.error and state != "succeeded" else "",
        note=job.state,
    )


def _billed(job: Job) -> int | None:
    """Tokens of the data set times epochs: Google counts the data set alone, and bills each pass over it.

    One that ended before it ran has cost nothing. What Google bills for one that did not finish is not documented:
    the whole is the most.
    """
    if job.end_time is not None and job.start_time is None:
        return 0
    tuned = job.supervised_tuning_spec or job.preference_optimization_spec
    epochs = tuned.hyper_parameters.epoch_count if tuned and tuned.hyper_parameters else None
    stats = job.tuning_data_stats
    counted = (stats.supervised_tuning_data_stats or stats.preference_optimization_data_stats) if stats else None
    tokens = counted.total_billable_token_count if counted else None
    return None if tokens is None or epochs is None else tokens * epochs


def read_job(job: types.TuningJob) -> Job:
    """What the SDK made of the answer, checked: it constructs its records from anything."""
    return Job.model_validate(job, from_attributes=True)


class _Error(BaseModel):
    code: int | None = None
    message: str | None = None


class _TunedModel(BaseModel):
    endpoint: str | None = None


class _HyperParameters(BaseModel):
    epoch_count: int | None = None


class _Spec(BaseModel):
    hyper_parameters: _HyperParameters | None = None


class _Counts(BaseModel):
    total_billable_token_count: int | None = None


class _Stats(BaseModel):
    supervised_tuning_data_stats: _Counts | None = None
    preference_optimization_data_stats: _Counts | None = None


class Job(BaseModel):
    """What is read of a job."""

    name: str
    state: str
    start_time: datetime | None = Field(default=None, description="When it began to run.")
    end_time: datetime | None = None
    error: _Error | None = None
    tuned_model: _TunedModel | None = None
    supervised_tuning_spec: _Spec | None = None
    preference_optimization_spec: _Spec | None = None
    tuning_data_stats: _Stats | None = None
