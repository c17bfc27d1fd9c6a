"""Asks an OpenAI-compatible endpoint and reads what it says; a refusal comes back with its status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from openai import APIStatusError
from pydantic import BaseModel

from srl_pipeline.teachers.calls.records import CallError, PermanentError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.connections import time_limit
from srl_pipeline.teachers.providers.credentials import credential_of
from srl_pipeline.teachers.providers.failures import Account, attempt, status_failure
from srl_pipeline.teachers.providers.openai import ERRORS, openai_client
from srl_pipeline.tuning.providers.openai_records import Item, Page

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T", bound=Item)
LIMIT = time_limit(300.0)
_PAGE = 100
_OF_THE_TUNER = (400, 404, 405, 413, 422)
"""What is refused is in tuning.yaml, where it is in a file of the user's at all."""


@dataclass(frozen=True)
class Refused:
    """A status other than success, and the error that stands for it."""

    status: int
    failure: CallError


class OpenAIConnection:
    """One request a call, no retry. Answers are read as they came, not as the SDK constructed them."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a missing key or an unusable endpoint."""
        credential = credential_of(entry)
        self.account = Account.of(entry, credential)
        self.client = openai_client(entry, credential)

    def attempt(self, fetch: Callable[[], Any], model: type[M]) -> M | Refused:
        """The answer of one of the SDK's methods ``with_raw_response``; raises TransientError where there is none."""

        def asked() -> M | Refused:
            try:
                response = fetch()
            except APIStatusError as error:
                return Refused(error.status_code, self._failure(error))
            return model.model_validate_json(response.text)

        return attempt(asked, self.account, ERRORS)

    def ask(self, fetch: Callable[[], Any], model: type[M]) -> M:
        """The same; a refusal is raised as CallError."""
        outcome = self.attempt(fetch, model)
        if isinstance(outcome, Refused):
            raise outcome.failure
        return outcome

    def listed(self, fetch: Callable[..., Any], page: type[Page[T]], **query: Any) -> Iterator[T]:
        """Everything on a list. The SDK's own paging takes a broken page for an empty one, so a job for none."""
        seen: set[str] = set()
        after: dict[str, str] = {}
        while True:
            asked = query | after
            got = self.ask(lambda asked=asked: fetch(**asked, limit=_PAGE, timeout=LIMIT), page)
            fresh = [item for item in got.data if item.id not in seen]
            yield from fresh
            if got.has_more is False or not fresh:  # a server that does not page sends the same again
                return
            seen |= {item.id for item in fresh}
            after = {"after": fresh[-1].id}

    def close(self) -> None:
        """Give back the connections."""
        self.client.close()

    def _failure(self, error: APIStatusError) -> CallError:
        failure = status_failure(error.status_code, error.response.headers, error.body or error, self.account)
        if isinstance(failure, PermanentError) and error.status_code in _OF_THE_TUNER:
            return PermanentError(
                str(failure),
                mend="Check the tuner's settings in tuning.yaml: the vendor's words above name what it does not take.",
            )
        return failure
