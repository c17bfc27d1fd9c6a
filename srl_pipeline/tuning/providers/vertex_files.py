"""Data sets in a bucket of Cloud Storage, where Vertex AI reads them.

``STORAGE_EMULATOR_HOST``, Google's own variable, puts another server in the place of Cloud Storage; it is then asked
with the same credentials.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from google.api_core.exceptions import GoogleAPICallError, PreconditionFailed
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption

from srl_pipeline.teachers.calls.records import PermanentError, TransientError
from srl_pipeline.teachers.providers.vertex import CloudAccount
from srl_pipeline.tuning.records import DataFile

T = TypeVar("T")
FOLDER = "srl-tuning"
_SECONDS = (10, 300)
"""To connect, and between two pieces of an answer."""
_ERRORS = (GoogleAPICallError, DataCorruption)


class CloudFiles:
    """Objects ``srl-tuning/<name>`` of one bucket. Never overwrites one."""

    def __init__(self, account: CloudAccount, project: str, bucket: str) -> None:
        self._account = account
        self._client: Any = storage.Client(project=project, credentials=_Lent(account))
        self._bucket = self._client.bucket(bucket)

    def upload(self, file: DataFile) -> str:
        """The address of ``file``, sent unless it is there already.

        Raises CallError; PermanentError where another content has its name.
        """
        name = f"{FOLDER}/{file.name}"
        address = f"gs://{self._bucket.name}/{name}"
        there = self._ask(lambda: self._bucket.get_blob(name, timeout=_SECONDS, retry=None))
        if there is None:
            self._ask(lambda: self._send(name, file.content))
        elif (there.size, there.md5_hash) != (len(file.content), _md5(file.content)):
            raise PermanentError(
                f"{address} is not what was to be put there: {there.size} bytes instead of {len(file.content)}",
                mend="Somebody wrote there. Delete that object, or name another bucket.",
            )
        return address

    def is_there(self, address: str) -> bool:
        """Whether an object that was uploaded still exists; raises CallError."""
        name = address.removeprefix(f"gs://{self._bucket.name}/")
        return self._ask(lambda: self._bucket.get_blob(name, timeout=_SECONDS, retry=None)) is not None

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _send(self, name: str, content: bytes) -> None:
        blob = self._bucket.blob(name)
        try:
            blob.upload_from_string(
                content, "application/jsonl", if_generation_match=0, timeout=_SECONDS, checksum="md5", retry=None
            )
        except PreconditionFailed:
            raise TransientError(f"another process put {name} there at the same moment") from None

    def _ask(self, ask: Callable[[], T]) -> T:
        try:
            return self._account.attempt(ask, _ERRORS)
        except requests.ConnectionError as error:
            failure = TransientError(f"the connection to Cloud Storage broke: {type(error).__name__}")
        except requests.RequestException as error:
            failure = TransientError(f"Cloud Storage did not answer in time, or not whole: {type(error).__name__}")
        raise failure


class _Lent(Credentials):
    """The account's token for Google's HTTP session, which else goes on errands of its own: it looks up where a
    service account may be used, in the background and at another address, and renews a token that was refused."""

    def __init__(self, account: CloudAccount) -> None:
        super().__init__()
        self._account = account

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        self._account.token()
        self._account.credentials.apply(headers)

    def refresh(self, request: Any) -> None:
        raise RefreshError("Cloud Storage does not take the token")


def _md5(content: bytes) -> str:
    """As Cloud Storage writes it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
