"""Anthropic's message batches.

A batch has no metadata: what it was handed in as shows only in the custom ids of its results, which can be read when it
has ended. So a custom id is ``<hash of the tag>_<key of the call>``, and `find` reads the first result of each ended
batch. While a batch of unknown origin is still at work, nobody can tell whether it is the one: `find` then raises
TransientError rather than say no, because a wrong no is paid for twice. Batches end within 24 hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from srl_pipeline.canonical import digest
from srl_pipeline.teachers.calls.records import CallError, ModelCall, PermanentError, Reply, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.anthropic import (
    ERRORS,
    Answer,
    anthropic_client,
    check_settings,
    message_reply,
    message_request,
)
from srl_pipeline.teachers.providers.connections import time_limit
from srl_pipeline.teachers.providers.credentials import credential_of
from srl_pipeline.teachers.providers.failures import Account, attempt, broken_answer, status_failure

_MAX_CALLS = 100_000
_LIMIT = time_limit(300.0)
_KEPT = timedelta(days=29)
"""How long the vendor keeps results; an older batch cannot be told from another."""
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "overloaded_error": 529,
}
"""The vendor's names of errors, as the status that stands for them."""


class AnthropicBatches:
    """Batches that this object handed in, or has looked into once, are not looked into again."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a missing key, an unusable endpoint or a setting that the API does not have."""
        check_settings(entry)
        credential = credential_of(entry)
        self.vendor = entry.account_vendor
        self._entry = entry
        self._account = Account.of(entry, credential)
        self._client = anthropic_client(entry, credential)
        self._marks: dict[str, str] = {}

    def submit(self, calls: list[ModelCall], *, tag: str) -> str:
        """Hand in a batch; the vendor's id of it. Raises CallError."""
        if not 0 < len(calls) <= _MAX_CALLS:
            raise PermanentError(
                f"a batch of {len(calls)} calls", mend=f"Anthropic takes 1 to {_MAX_CALLS:,} calls a batch."
            )
        requests: Any = [
            {"custom_id": f"{_mark(tag)}_{call.key}", "params": message_request(self._entry, call)} for call in calls
        ]

        def ask() -> str:
            batch = self._client.messages.batches.create(
                requests=requests, extra_headers={"Idempotency-Key": digest(tag)}, timeout=_LIMIT
            )
            return _read(batch).id

        batch_id = attempt(ask, self._account, ERRORS)
        self._marks[batch_id] = _mark(tag)
        return batch_id

    def find(self, tag: str) -> str | None:
        """The batch of that tag; raises TransientError while a batch at work may be the one."""
        undecided: list[str] = []
        for batch in attempt(self._recent, self._account, ERRORS):
            if batch.id not in self._marks:
                if batch.processing_status != "ended":
                    undecided.append(batch.id)
                    continue
                self._marks[batch.id] = attempt(lambda b=batch: self._mark_of(b.id), self._account, ERRORS)
            if self._marks[batch.id] == _mark(tag):
                return batch.id
        if undecided:
            raise TransientError(
                f"{self.vendor} is at work on {', '.join(undecided)}; until then nobody can tell what was handed in"
            )
        return None

    def collect(self, batch_id: str) -> dict[str, Reply | CallError] | None:
        """Outcomes of all calls, None while the vendor is at work; raises CallError."""

        def ask() -> list[_Result] | None:
            batch = _read(self._client.messages.batches.retrieve(batch_id, timeout=_LIMIT))
            if batch.processing_status != "ended":
                return None
            return [_result(r) for r in self._client.messages.batches.results(batch_id, timeout=_LIMIT)]

        results = attempt(ask, self._account, ERRORS)
        if results is None:
            return None
        return {r.custom_id.rpartition("_")[2]: self._outcome(r.result) for r in results}

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _recent(self) -> list[_Batch]:
        """Batches whose results can still be read, newest first."""
        oldest = datetime.now(UTC) - _KEPT
        recent: list[_Batch] = []
        for listed in self._client.messages.batches.list(limit=1000, timeout=_LIMIT):
            batch = _read(listed)
            if batch.created_at < oldest:
                break
            if batch.archived_at is None:
                recent.append(batch)
        return recent

    def _mark_of(self, batch_id: str) -> str:
        results = self._client.messages.batches.results(batch_id, timeout=_LIMIT)
        try:
            for result in results:
                return _result(result).custom_id.rpartition("_")[0]
        finally:
            results.close()
        return ""

    def _outcome(self, outcome: _Outcome) -> Reply | CallError:
        if outcome.type == "succeeded":
            try:
                return message_reply(Answer.model_validate(outcome.message), "")
            except ValueError as error:
                return broken_answer(error, self._account)
        if outcome.type == "errored":
            error = (outcome.error or {}).get("error") or {}
            return status_failure(_STATUS.get(str(error.get("type")), 500), {}, error, self._account)
        return TransientError(f"{self.vendor} did not answer in the batch: {outcome.type}")


def _mark(tag: str) -> str:
    """A custom id has at most 64 letters, digits, hyphens and underscores; a tag may be anything."""
    return digest(tag)


def _read(batch: Any) -> _Batch:
    """What the SDK made of the answer, checked: it constructs its records from anything."""
    return _Batch.model_validate(batch, from_attributes=True)


def _result(result: Any) -> _Result:
    return _Result.model_validate(result.to_dict(mode="json"))


class _Batch(BaseModel):
    id: str
    processing_status: str
    created_at: datetime
    archived_at: datetime | None = None


class _Outcome(BaseModel):
    type: str
    message: Any = None
    error: dict[str, Any] | None = None


class _Result(BaseModel):
    """A line of the results."""

    custom_id: str
    result: _Outcome
