"""OpenAI's batches: a file of requests goes up, a file of answers and a file of errors come down within a day."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from srl_pipeline.canonical import digest
from srl_pipeline.teachers.calls.records import CallError, ModelCall, PermanentError, Reply, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.connections import time_limit
from srl_pipeline.teachers.providers.credentials import credential_of
from srl_pipeline.teachers.providers.failures import Account, attempt, broken_answer, status_failure
from srl_pipeline.teachers.providers.openai import ERRORS, Completion, chat_reply, chat_request, openai_client

_TAG = "srl_tag"
_MAX_CALLS = 50_000
_LIMIT = time_limit(300.0)
_URL = "/v1/chat/completions"
_ENDED_EMPTY = ("failed", "cancelled", "expired")


class OpenAIBatches:
    """The tag is metadata of the batch, so `find` sees it from the moment that the vendor has the batch."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a missing key or an unusable endpoint."""
        credential = credential_of(entry)
        self.vendor = entry.account_vendor
        self._entry = entry
        self._account = Account.of(entry, credential)
        self._client = openai_client(entry, credential)

    def submit(self, calls: list[ModelCall], *, tag: str) -> str:
        """Upload the calls and start the batch; the vendor's id of it. Raises CallError."""
        if not 0 < len(calls) <= _MAX_CALLS:
            raise PermanentError(
                f"a batch of {len(calls)} calls", mend=f"OpenAI takes 1 to {_MAX_CALLS:,} calls a batch."
            )
        lines = [_line(self._entry, call) for call in calls]

        def ask() -> str:
            content = "\n".join(lines).encode()
            file = self._client.files.create(file=(f"{tag}.jsonl", content), purpose="batch", timeout=_LIMIT)
            batch = self._client.batches.create(
                input_file_id=file.id,
                endpoint=_URL,
                completion_window="24h",
                metadata={_TAG: tag},
                extra_headers={"Idempotency-Key": digest(tag)},
                timeout=_LIMIT,
            )
            return _read(batch).id

        return attempt(ask, self._account, ERRORS)

    def find(self, tag: str) -> str | None:
        """The newest batch of that tag. One that ended without a single answer cost nothing and does not count."""

        def ask() -> str | None:
            for listed in self._client.batches.list(limit=100, timeout=_LIMIT):
                batch = _read(listed)
                if (batch.metadata or {}).get(_TAG) == tag and not batch.ended_empty:
                    return batch.id
            return None

        return attempt(ask, self._account, ERRORS)

    def collect(self, batch_id: str) -> dict[str, Reply | CallError] | None:
        """Outcomes of the calls that the vendor tells of, None while it is at work; raises CallError."""
        batch = attempt(lambda: _read(self._client.batches.retrieve(batch_id, timeout=_LIMIT)), self._account, ERRORS)
        if batch.status == "failed":
            raise PermanentError(
                f"{self.vendor} refused the batch {batch_id}: {self._account.words(batch.errors)}",
                mend="Its words above name the line; check the teacher's settings in teachers.yaml.",
            )
        if batch.status not in ("completed", "expired", "cancelled"):
            return None
        outcomes: dict[str, Reply | CallError] = {}
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                outcomes |= self._outcomes(file_id)
        return outcomes

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _outcomes(self, file_id: str) -> dict[str, Reply | CallError]:
        def ask() -> list[_Line]:
            text = self._client.files.content(file_id, timeout=_LIMIT).text
            return [_Line.model_validate_json(line) for line in text.splitlines() if line.strip()]

        return {line.custom_id: self._outcome(line) for line in attempt(ask, self._account, ERRORS)}

    def _outcome(self, line: _Line) -> Reply | CallError:
        if line.response is None:
            return TransientError(f"{self.vendor} did not answer in the batch: {self._account.words(line.error)}")
        if line.response.status_code != 200:
            return status_failure(line.response.status_code, {}, line.response.body, self._account)
        try:
            return chat_reply(Completion.model_validate(line.response.body), line.response.request_id or "")
        except ValueError as error:
            return broken_answer(error, self._account)


def _line(entry: TeacherEntry, call: ModelCall) -> str:
    request = {"custom_id": call.key, "method": "POST", "url": _URL, "body": chat_request(entry, call)}
    return json.dumps(request, ensure_ascii=False)


def _read(batch: Any) -> _Batch:
    """What the SDK made of the answer, checked: it constructs its records from anything."""
    return _Batch.model_validate(batch, from_attributes=True)


class _Counts(BaseModel):
    completed: int


class _Batch(BaseModel):
    id: str
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    metadata: dict[str, str] | None = None
    request_counts: _Counts | None = None
    errors: Any = None

    @property
    def ended_empty(self) -> bool:
        return self.status in _ENDED_EMPTY and not (self.request_counts and self.request_counts.completed)


class _Response(BaseModel):
    status_code: int
    request_id: str | None = None
    body: Any


class _Line(BaseModel):
    """A line of an output or error file."""

    custom_id: str
    response: _Response | None = None
    error: Any = None
