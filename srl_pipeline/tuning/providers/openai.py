"""OpenAI's fine-tuning, and every endpoint that speaks its files and fine-tuning API, such as Amazon Bedrock's.

What such an endpoint must do: keep the metadata of a job, which is how a job is found again after a crash. What it may
leave out: events, the page of a model, the filter of the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srl_pipeline.teachers.calls.records import CallError, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.tuning.provider import FileGone, JobGone, Unkept
from srl_pipeline.tuning.providers.openai_connection import LIMIT, OpenAIConnection, Refused
from srl_pipeline.tuning.providers.openai_files import data_files
from srl_pipeline.tuning.providers.openai_records import KEY, Event, Item, Job, ListedJob, Page, UploadedFile
from srl_pipeline.tuning.providers.openai_request import job_request
from srl_pipeline.tuning.records import DataFile, JobSpec, JobState, Split, TuningExample
from srl_pipeline.tuning.spec import Tuner

_NOTE = 200
_NO_SUCH_PAGE = (404, 405)


class OpenAITuning:
    """Implements `TuningProvider`; asks `endpoint` of the tuner, else the teacher's, else OpenAI's own."""

    def __init__(self, entry: TeacherEntry, tuner: Tuner) -> None:
        """Raises TeacherError for a missing key or an unusable endpoint."""
        endpoint, model = tuner.endpoint or entry.endpoint, tuner.model or entry.model
        entry = entry.model_copy(update={"endpoint": endpoint, "model": model})
        self.vendor = entry.account_vendor
        self._tuner = tuner
        self._connection = OpenAIConnection(entry)
        self._files = self._connection.client.files.with_raw_response
        self._jobs = self._connection.client.fine_tuning.jobs.with_raw_response
        self._models = self._connection.client.models.with_raw_response

    def files(self, examples: Sequence[TuningExample], spec: JobSpec) -> list[DataFile]:
        """The data set as JSON lines, a file for each split that has examples."""
        return data_files(examples, spec.method, reference=bool(self._tuner.reward_function))

    def upload(self, file: DataFile) -> str:
        """The id of the file; it is checked by the vendor only once a job reads it."""
        for known in self._connection.listed(self._files.list, Page[UploadedFile], purpose="fine-tune"):
            same = (known.filename, known.bytes) == (file.name, len(file.content))
            if same and known.status != "error" and not known.expired:
                return known.id
        content = (file.name, file.content)
        return self._connection.ask(
            lambda: self._files.create(file=content, purpose="fine-tune", timeout=LIMIT), UploadedFile
        ).id

    def find(self, key: str) -> str | None:
        """The newest job whose metadata holds ``key``. A list that is not filtered is looked through whole."""
        jobs = self._connection.listed(self._jobs.list, Page[ListedJob], metadata={KEY: key})
        return next((job.id for job in jobs if job.key == key), None)

    def submit(self, spec: JobSpec, files: Mapping[Split, str]) -> str:
        """Begin a job. Raises Unkept, having cancelled the job, where the endpoint did not keep its key."""
        if (known := self.find(spec.key)) is not None:
            return known
        request = job_request(spec, files, self._tuner.reward_function)
        headers = {"Idempotency-Key": spec.key}
        begun = self._connection.attempt(
            lambda: self._jobs.create(**request, extra_headers=headers, timeout=LIMIT), Job
        )
        if isinstance(begun, Refused):
            # Vendors word it differently that a file is not there: they are asked for it instead.
            if begun.status in (400, 404, 422):
                self._require(files)
            raise begun.failure
        if begun.key != spec.key:
            raise self._unkept(begun.id)
        return begun.id

    def look(self, job: str) -> JobState:
        """How a job is doing. `trained_seconds`, of reinforcement alone, is an upper bound: waiting is in it."""
        found = self._job(job)
        words = self._connection.account.words
        return JobState(
            state=found.state,
            model=found.fine_tuned_model or "",
            trained_tokens=found.trained_tokens,
            trained_seconds=found.seconds if self._tuner.method == "reinforcement" else None,
            problem=words(found.problem),
            note=words(self._newest_event(job))[:_NOTE],
        )

    def cancel(self, job: str) -> None:
        """Ask for its end."""
        outcome = self._connection.attempt(lambda: self._jobs.cancel(job, timeout=LIMIT), Job)
        if not isinstance(outcome, Refused) or (outcome.status in (400, 409) and self._job(job).ended):
            return
        raise self._unless_gone(job, outcome)

    def serve(self, model: str, key: str) -> str:
        """The model's own name: OpenAI deploys it by itself. Raises TransientError while it denies the model.

        A "not found" that does not name the model is of an endpoint that has no pages of models, and says nothing.
        """
        outcome = self._connection.attempt(lambda: self._models.retrieve(model, timeout=LIMIT), Item)
        if isinstance(outcome, Refused):
            if outcome.status not in _NO_SUCH_PAGE:
                raise outcome.failure
            if model in str(outcome.failure):
                raise TransientError(str(outcome.failure))
        return model

    def close(self) -> None:
        """Give back the connections."""
        self._connection.close()

    def _unkept(self, job: str) -> Unkept:
        """Ends a job that no later call could find; a failure to do so must not have it begun once more."""
        try:
            self.cancel(job)
            end = f"the job {job} was cancelled"
        except CallError as error:
            end = f"the job {job} could not be cancelled ({error}): end it at the vendor"
        return Unkept(
            f"{self.vendor} keeps no metadata of a job: after a crash it could not be found, and would be paid for "
            f"twice; {end}",
            mend="Use the vendor's own 'provider' in tuning.yaml.",
        )

    def _job(self, job: str) -> Job:
        outcome = self._connection.attempt(lambda: self._jobs.retrieve(job, timeout=LIMIT), Job)
        if isinstance(outcome, Refused):
            raise self._unless_gone(job, outcome)
        return outcome

    def _newest_event(self, job: str) -> str:
        """Events are for people: an endpoint without them tunes as well."""
        outcome = self._connection.attempt(lambda: self._jobs.list_events(job, limit=1, timeout=LIMIT), Page[Event])
        if isinstance(outcome, Refused):
            if outcome.status not in _NO_SUCH_PAGE:
                raise outcome.failure
            return ""
        return outcome.data[0].message if outcome.data else ""

    def _require(self, files: Mapping[Split, str]) -> None:
        """Raise FileGone for a file that the vendor no longer has."""
        for split, reference in files.items():
            outcome = self._connection.attempt(lambda r=reference: self._files.retrieve(r, timeout=LIMIT), UploadedFile)
            if isinstance(outcome, Refused) and isinstance(outcome.failure, TransientError):
                raise outcome.failure  # it may be gone: the submission's own refusal would be final
            gone = outcome.status == 404 if isinstance(outcome, Refused) else outcome.expired
            if gone:
                raise FileGone(
                    f"{self.vendor} no longer has the {split} file {reference}", mend="Run again: it is uploaded anew."
                )

    def _unless_gone(self, job: str, outcome: Refused) -> CallError:
        if outcome.status != 404:
            return outcome.failure
        return JobGone(
            f"{self.vendor} does not know the job {job}: {outcome.failure}",
            mend="Look at the vendor's page of fine-tuning jobs, and at its bill.",
        )
