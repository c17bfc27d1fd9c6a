"""Run a training stage as a SageMaker job: begin it or find it, carry its progress into the run, tell why it ended."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, PipelineError, TrainingError
from srl_pipeline.launchers.made import made_already
from srl_pipeline.launchers.sagemaker.jobs import Job, Jobs, attempt
from srl_pipeline.launchers.sagemaker.request import JOBS, job_base, request_key, training_job
from srl_pipeline.launchers.sagemaker.spec import SPEC, JobSpec, read_spec
from srl_pipeline.registry import Built
from srl_pipeline.registry.places import STORE, store_at

if TYPE_CHECKING:
    from srl_pipeline.registry.s3_store import S3ArtifactStore


def run_on_sagemaker(context: dg.AssetExecutionContext, request: StageRequest, spec_file: Path) -> Built:
    """Make the artifact that ``request`` names in a SageMaker job, or find it.

    Raises TrainingError with what the job reported, `ChildKilled` where it ended without artifact and report,
    PipelineError where there is no bucket, or SageMaker does not do what it is asked.
    """
    store = store_at(request.root)
    if (already := made_already(context, store, request)) is not None:
        return already
    client = PipesSageMakerClient(read_spec(spec_file))
    job = client.run(context=context, request=request).job
    made = store.find(request.stage, request.model_type, request.data_version)
    if job.status == "Completed" and made is not None:
        return Built(made, reused=False)
    raise client.failure(job, request.root)


class Invocation(dg.PipesClientCompletedInvocation):
    """A job that has ended."""

    def __init__(self, session: Any, job: Job) -> None:
        super().__init__(session, metadata={"SageMaker job": job.name, "billed_seconds": job.billed_seconds})
        self.job = job


class PipesSageMakerClient(dg.PipesClient):
    """Dagster Pipes for SageMaker training jobs.

    A job of an earlier run that still makes the same artifact is waited for: its name follows from the artifact. A
    launcher that is left, however, without having seen the job's end stops it, so that none is paid for in vain.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._spec, self._jobs = spec, Jobs()

    def run(  # type: ignore[override]
        self, *, context: dg.AssetExecutionContext, request: StageRequest
    ) -> Invocation:
        """One job, from its beginning or from where it is to its end, whatever that is."""
        store, base = s3_store(request.root), job_base(self._spec, request)
        last, number = self._jobs.newest(base)
        if last is not None and last.status == "Stopping":
            last = self._jobs.wait(last.name, self._spec.poll_seconds, _telling(context))
        goes_on = last is not None and not last.ended
        name = last.name if last is not None and goes_on else attempt(base, number)
        with _pipes(context, store, name, self._spec.poll_seconds) as (session, messages):
            try:
                if goes_on:
                    context.log.info(f"SageMaker job {name} makes it since an earlier run: waiting for it")
                else:
                    address = put_request(store, request)
                    variables = session.get_bootstrap_env_vars()
                    begun = self._jobs.begin(training_job(self._spec, request, name, address, variables))
                    context.log.info(f"SageMaker job {name} {'begun' if begun else 'was begun by another run'}")
                job = self._jobs.wait(name, self._spec.poll_seconds, _telling(context))
            except BaseException:  # also a run that is cancelled
                self._leave(context, name)
                raise
            messages.job_ended()
        return Invocation(session, job)

    def failure(self, job: Job, root: str) -> TrainingError:
        """Why a job ended without the artifact."""
        where = f"SageMaker training job {job.name}"
        kept = "Completed work that was saved is kept; run again, it resumes."
        if job.status == "Completed":
            return ChildKilled(
                f"The job ended without an error but there is no artifact in {root}.",
                where=where,
                mend="The job's role must write to the store; its log says more.",
            )
        if job.stage in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
            limit = "max_hours" if job.stage == "MaxRuntimeExceeded" else "max_wait_hours"
            return ChildKilled(
                f"SageMaker ended the job: {limit} of {SPEC} is over.", where=where, mend=f"Raise {limit}. {kept}"
            )
        if job.status == "Stopped":
            return ChildKilled("The job was stopped by somebody else.", where=where, mend=kept)
        words = self._jobs.last_words(job.name)
        told = re.sub(r"(^AlgorithmError: |, exit code: -?\d+$)", "", job.reason)
        if "\n  where: " in told and "\n  mend:  " in told:  # the process said it itself (`container.tell_failure`)
            what, _, rest = told.partition("\n  where: ")
            place, _, mend = rest.partition("\n  mend:  ")
            return TrainingError(what, where=place, mend=mend)
        return ChildKilled(f"The job failed: {job.reason}" + (f"\n{words}" if words else ""), where=where, mend=kept)

    def _leave(self, context: dg.AssetExecutionContext, name: str) -> None:
        """The run ends before the job: it is not to be paid for in vain. What it saved is gone on from."""
        try:
            self._jobs.stop(name)
        except PipelineError as error:
            context.log.error(
                f"SageMaker job {name} could not be stopped and may go on, at most for max_hours. {error}"
            )
        else:
            context.log.info(f"SageMaker job {name}: asked to end")


@contextmanager
def _pipes(
    context: dg.AssetExecutionContext, store: S3ArtifactStore, name: str, every: float
) -> Iterator[tuple[Any, Any]]:
    """A Pipes session by way of the job's folder in the bucket, and the reader of the job's messages."""
    from srl_pipeline.launchers.sagemaker.messages import JobContext, JobMessages  # with boto3

    folder = store.key(JOBS, name)
    messages = JobMessages(store.bucket, folder, every)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # Dagster's own use of a preview of its own
        with dg.open_pipes_session(
            context=context, context_injector=JobContext(store.bucket, folder), message_reader=messages
        ) as session:
            yield session, messages


def put_request(store: S3ArtifactStore, request: StageRequest) -> str:
    """Put a stage's request where its job reads it; returns the address."""
    key = store.key(*request_key(request))
    store.bucket.put(key, dumps(request.model_dump(mode="json")).encode())
    return store.bucket.url(key)


def s3_store(root: str) -> S3ArtifactStore:
    """The store at ``root``, which a job must be able to reach; raises PipelineError for a folder."""
    from srl_pipeline.registry.s3_store import S3ArtifactStore

    store = store_at(root)
    if not isinstance(store, S3ArtifactStore):
        raise PipelineError(
            "SageMaker's machines do not see this folder.",
            where=root,
            mend=f"Keep the artifacts in a bucket ({STORE}=s3://bucket/prefix), or unset {SPEC}.",
        )
    return store


def _telling(context: dg.AssetExecutionContext) -> Callable[[Job], None]:
    def news(job: Job) -> None:
        context.log.info(f"SageMaker job {job.name}: {job.stage}")

    return news
