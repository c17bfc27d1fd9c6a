"""Amazon Bedrock's model customization over boto3: supervised, and reinforcement with a Lambda function of the user's.

Bedrock does not say how many tokens it trained on, so where tokens are billed all that was set aside is charged. Of
time it says when a job began and ended, which is at least what is billed. A tuned model is asked through an on-demand
deployment: AWS offers it for Nova models tuned since 16 July 2025, in us-east-1 and us-west-2
(https://docs.aws.amazon.com/bedrock/latest/userguide/deploy-custom-model-on-demand.html, looked up 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srl_pipeline.teachers.calls.records import PermanentError, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.tuning.provider import JobGone
from srl_pipeline.tuning.providers.bedrock_connection import NOT_THERE, Aws
from srl_pipeline.tuning.providers.bedrock_data import data_files, job_request, token
from srl_pipeline.tuning.providers.bedrock_failures import Refused, words
from srl_pipeline.tuning.providers.bedrock_files import Bucket
from srl_pipeline.tuning.providers.bedrock_records import ENDED, CreatedJob, CustomizationJob, Deployment
from srl_pipeline.tuning.records import DataFile, JobSpec, JobState, Split, TuningExample
from srl_pipeline.tuning.spec import Tuner

_TAKEN = {"ConflictException", "ResourceInUseException", "ValidationException"}
"""What Bedrock answers where a name is in use or a job has ended already; the last one has other causes too."""


class BedrockTuning:
    """Bedrock in one region. A job is found by its name, which is its key: Bedrock takes each name once."""

    def __init__(self, entry: TeacherEntry, tuner: Tuner) -> None:
        """``entry`` says whose bill it is. Raises TuningError for an endpoint, region or profile that is of no use."""
        self.vendor = entry.account_vendor
        self._tuner = tuner
        self._aws = Aws(entry, tuner)
        self._bucket = Bucket(self._aws, tuner.bucket, tuner.region)

    def files(self, examples: Sequence[TuningExample], spec: JobSpec) -> list[DataFile]:
        """The data set; raises PermanentError for what Bedrock does not offer, or where nothing is to train on."""
        return data_files(examples, spec)

    def upload(self, file: DataFile) -> str:
        """Address ``s3://bucket/srl-tuning/name``; raises CallError."""
        return self._bucket.upload(file)

    def find(self, key: str) -> str | None:
        """ARN of the job of that name; raises CallError."""
        try:
            return self._job(key).jobArn
        except JobGone:
            return None

    def submit(self, spec: JobSpec, files: Mapping[Split, str]) -> str:
        """ARN of the job, begun or found; raises CallError, FileGone."""
        request = job_request(spec, files, self._tuner)
        if (found := self.find(spec.key)) is not None:
            return found
        for reference in files.values():
            self._bucket.require_file(reference)

        def create() -> str:
            return CreatedJob.model_validate(self._aws.bedrock.create_model_customization_job(**request)).jobArn

        action = "bedrock:CreateModelCustomizationJob with iam:PassRole"
        try:
            return self._aws.ask(action, create, creates=True)
        except Refused as refused:
            if refused.code in _TAKEN and (found := self.find(spec.key)) is not None:
                return found
            raise

    def look(self, job: str) -> JobState:
        """How a job is doing; raises CallError, JobGone."""
        state = self._job(job).state
        return state.model_copy(update={"problem": words(state.problem, self._aws.secrets())})

    def cancel(self, job: str) -> None:
        """Ask for its end; raises CallError, JobGone."""

        def stop() -> None:
            self._aws.bedrock.stop_model_customization_job(jobIdentifier=job)

        try:
            self._aws.ask("bedrock:StopModelCustomizationJob", stop)
        except Refused as refused:
            if refused.code in NOT_THERE:
                raise _gone(job) from None
            if refused.code not in _TAKEN or self._job(job).status not in {*ENDED, "Stopping"}:
                raise

    def serve(self, model: str, key: str) -> str:
        """ARN of the model's deployment, whose name is the key; begun where there is none. Raises CallError."""
        found = self._deployment(key) or self._deploy(model, key)
        if found.modelArn != model:
            raise PermanentError(
                f"deployment {key} is of another model, {found.modelArn}",
                mend="Delete it in the Bedrock console, if nobody asks it.",
            )
        if found.status == "Failed":
            raise PermanentError(
                f"AWS could not deploy {model}: {words(found.failureMessage, self._aws.secrets())}",
                mend=f"Delete deployment {key} in the Bedrock console and run again.",
            )
        if found.status != "Active":
            raise TransientError(f"deployment {key} is not ready, AWS calls it {found.status}")
        return found.customModelDeploymentArn

    def close(self) -> None:
        """Give back the connections."""
        self._aws.close()

    def _job(self, job: str) -> CustomizationJob:
        def ask() -> CustomizationJob:
            return CustomizationJob.model_validate(self._aws.bedrock.get_model_customization_job(jobIdentifier=job))

        try:
            return self._aws.ask("bedrock:GetModelCustomizationJob", ask)
        except Refused as refused:
            if refused.code in NOT_THERE:
                raise _gone(job) from None
            raise

    def _deployment(self, key: str) -> Deployment | None:
        def ask() -> Deployment:
            found = self._aws.bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=key)
            return Deployment.model_validate(found)

        try:
            return self._aws.ask("bedrock:GetCustomModelDeployment", ask)
        except Refused as refused:
            if refused.code in NOT_THERE:
                return None
            raise

    def _deploy(self, model: str, key: str) -> Deployment:
        def create() -> Deployment:
            created = self._aws.bedrock.create_custom_model_deployment(
                modelDeploymentName=key,
                modelArn=model,
                clientRequestToken=token("deployment", key),
                tags=[{"key": "srl-key", "value": key}],
            )
            return Deployment.model_validate(created | {"modelArn": model, "status": "Creating"})

        try:
            return self._aws.ask("bedrock:CreateCustomModelDeployment", create, creates=True)
        except Refused as refused:
            if refused.code in _TAKEN and (found := self._deployment(key)) is not None:
                return found
            raise


def _gone(job: str) -> JobGone:
    return JobGone(f"AWS does not know job {job}", mend="Look for it in the Bedrock console, in the tuner's region.")
