"""boto3's clients: each call is one request, and what goes wrong with it is a CallError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from srl_pipeline.errors import TeacherError, TuningError
from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.credentials import endpoint_of
from srl_pipeline.tuning.providers.bedrock_failures import attempt
from srl_pipeline.tuning.spec import Tuner

T = TypeVar("T")
NOT_THERE = {"ResourceNotFoundException", "NoSuchBucket", "NoSuchKey", "NotFound", "404"}
_WHERE = "tuning.yaml: the tuner for bedrock"


class Aws:
    """Clients of one region. Credentials are found by boto3 in its own ways, and never in files of ours."""

    def __init__(self, entry: TeacherEntry, tuner: Tuner) -> None:
        """Raises TuningError for an endpoint, region or profile that cannot be used. Nothing is sent."""
        endpoint = _endpoint(entry, tuner)
        # Repeating is for the caller, who counts and pays each request.
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
        self._session: Any = None

        def clients() -> tuple[Any, Any]:
            self._session = boto3.Session(region_name=tuner.region)
            bedrock = self._session.client("bedrock", config=config, endpoint_url=endpoint)
            return bedrock, self._session.client("s3", config=config)

        try:
            self.bedrock, self.s3 = self.ask("its clients", clients)
        except PermanentError as error:
            raise TuningError(f"{error}.", where=_WHERE, mend=error.mend) from None

    def ask(self, action: str, ask: Callable[[], T], *, creates: bool = False) -> T:
        """`attempt` without what this session signs with in its messages."""
        return attempt(ask, action=action, secrets=self.secrets, creates=creates)

    def secrets(self) -> list[str]:
        """What no message may show."""
        try:
            credentials = self._session.get_credentials() if self._session is not None else None
            frozen = credentials.get_frozen_credentials() if credentials is not None else ()
        except BotoCoreError:  # they cannot be had, so nothing was signed with them
            return []
        return [secret for secret in frozen if secret]

    def close(self) -> None:
        """Give back the connections."""
        self.bedrock.close()
        self.s3.close()


def _endpoint(entry: TeacherEntry, tuner: Tuner) -> str | None:
    """The address of the tuning API; None: AWS's own, or the one that boto3's own settings name."""
    if tuner.endpoint is None:
        return None
    try:
        return endpoint_of(entry.model_copy(update={"endpoint": tuner.endpoint}), "")
    except TeacherError as error:
        what = error.what.replace("teacher's", "tuner's")
        raise TuningError(what, where=f"{_WHERE}, endpoint", mend=error.mend) from None
