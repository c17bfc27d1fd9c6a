"""Gemini models, tuned on Vertex AI: google-genai for jobs, google-cloud-storage for data sets.

A job is found again by the label ``srl-key``. All jobs of the place are listed: Google documents no filter for them,
and one that is read otherwise than meant would say no, which is paid for twice.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from google.genai import errors, types
from pydantic import BaseModel, Field, ValidationError

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import PermanentError, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.connections import http_client, time_limit
from srl_pipeline.teachers.providers.vertex import VERSION, CloudAccount, vertex_address, vertex_client
from srl_pipeline.tuning.provider import FileGone, JobGone
from srl_pipeline.tuning.providers.vertex_data import vertex_files
from srl_pipeline.tuning.providers.vertex_files import CloudFiles
from srl_pipeline.tuning.providers.vertex_records import (
    HTTP,
    LABEL,
    SECONDS,
    check_spec,
    job_config,
    read_job,
    state_of,
)
from srl_pipeline.tuning.records import DataFile, JobSpec, JobState, Split, TuningExample
from srl_pipeline.tuning.spec import Tuner

T = TypeVar("T")
_LIST = types.ListTuningJobsConfig(page_size=100, http_options=HTTP)
_GET = types.GetTuningJobConfig(http_options=HTTP)
_CANCEL = types.CancelTuningJobConfig(http_options=HTTP)


class GeminiTuning:
    """Vertex AI in one project and region. A tuned model is known by the endpoint that Google deploys it to."""

    def __init__(self, entry: TeacherEntry, tuner: Tuner) -> None:
        """``entry`` says whose bill it is. Raises TeacherError for a place or credentials that cannot be used."""
        place = _place(entry, tuner)
        self.vendor = place.account_vendor
        self._account = CloudAccount(place)
        self._parent = f"projects/{tuner.project}/locations/{tuner.region}"
        self._base = f"{vertex_address(place)}/{VERSION}"
        self._http = http_client()
        self._client = vertex_client(place, self._account, self._http)
        self._files = CloudFiles(self._account, tuner.project, tuner.bucket)

    def files(self, examples: Sequence[TuningExample], spec: JobSpec) -> list[DataFile]:
        """The data set; raises PermanentError for what Vertex AI does not offer, or where nothing is to train on."""
        check_spec(spec)
        return vertex_files(examples, spec.method)

    def upload(self, file: DataFile) -> str:
        """Address ``gs://bucket/srl-tuning/name``; raises CallError."""
        return self._files.upload(file)

    def find(self, key: str) -> str | None:
        """Resource name of the job with that label; raises CallError."""

        def ask() -> str | None:
            pages = self._client.tunings.list(config=_LIST)
            return next((read_job(job).name for job in pages if (job.labels or {}).get(LABEL) == key), None)

        return self._ask(ask)

    def submit(self, spec: JobSpec, files: Mapping[Split, str]) -> str:
        """Resource name of the job, begun or found; raises CallError, FileGone."""
        check_spec(spec)
        if (found := self.find(spec.key)) is not None:
            return found
        self._check_files(files)
        config = job_config(spec, files)
        data = types.TuningDataset(gcs_uri=files["train"])

        def ask() -> str:
            with warnings.catch_warnings():  # the SDK calls its whole module experimental, once a process
                warnings.filterwarnings("ignore", message="The SDK's tuning implementation is experimental")
                job = self._client.tunings.tune(base_model=spec.model, training_dataset=data, config=config)
            return read_job(job).name

        try:
            return self._ask(ask)
        except PermanentError:
            self._check_files(files)  # one that was deleted in between is refused in words that nobody promises
            raise

    def look(self, job: str) -> JobState:
        """How a job is doing; raises CallError, JobGone."""
        return state_of(self._ask(lambda: read_job(self._client.tunings.get(name=job, config=_GET)), job))

    def cancel(self, job: str) -> None:
        """Ask for its end; raises CallError, JobGone."""
        try:
            self._ask(lambda: self._client.tunings.cancel(name=job, config=_CANCEL), job)
        except JobGone:
            raise
        except PermanentError:
            if self.look(job).state not in ("succeeded", "failed", "cancelled"):  # one that has ended is refused
                raise

    def serve(self, model: str, key: str) -> str:
        """The endpoint, once a model is deployed there, which Google does by itself; raises CallError."""

        def ask() -> _Endpoint:
            # The SDK has no call for endpoints, so this is its own request, over the same pool.
            answer = self._http.get(f"{self._base}/{model}", headers=self._headers(), timeout=time_limit(SECONDS))
            if not answer.is_success:
                errors.APIError.raise_for_response(answer)
            return _Endpoint.model_validate_json(answer.content)

        endpoint = self._ask(ask)
        if not endpoint.deployed_models:
            raise TransientError(f"{self.vendor} has not deployed the tuned model to {model} yet")
        return endpoint.name

    def close(self) -> None:
        """Give back the connections."""
        self._files.close()
        self._client.close()
        self._http.close()

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        self._account.credentials.apply(headers)
        return headers

    def _check_files(self, files: Mapping[Split, str]) -> None:
        for address in files.values():
            if not self._files.is_there(address):
                raise FileGone(f"{address} is not there any more", mend="It is uploaded again.")

    def _ask(self, ask: Callable[[], T], job: str | None = None) -> T:
        def asked() -> T:
            try:
                return ask()
            except errors.ClientError as error:
                if job is None or error.code != 404:
                    raise
            raise JobGone(
                f"{self.vendor} does not know the tuning job {job}",
                mend=f"Look for it in the cloud's console, under {self._parent}: what it costs stays reserved.",
            )

        return self._account.attempt(asked, (errors.APIError,))


def _place(entry: TeacherEntry, tuner: Tuner) -> TeacherEntry:
    """The teacher's entry at the place where it is tuned."""
    endpoint = tuner.endpoint or (entry.endpoint if entry.project is not None else None)
    place = {"kind": "gemini", "project": tuner.project, "region": tuner.region, "endpoint": endpoint}
    try:
        return TeacherEntry.model_validate(entry.model_dump() | place | {"api_key_env": None})
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
    raise TeacherError(
        f"The place of the tuner cannot be used: {said}",
        where=f"tuning.yaml: project and region of a tuner of {entry.model}",
        mend="Write the id of the project and the name of the region, as the cloud's console shows them.",
    )


class _Endpoint(BaseModel):
    """What is read of an endpoint, as it comes over the wire."""

    name: str
    deployed_models: list[Any] = Field(default=[], alias="deployedModels")
