"""Vertex AI: Google's models in a cloud project. It is asked with the cloud's credentials, not with a key.

They are found as Google has it ("Application Default Credentials"): the file that ``GOOGLE_APPLICATION_CREDENTIALS``
names, else what ``gcloud auth application-default login`` left, else the service account of the machine.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import google.auth
import httpx2
from google import genai
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.genai import types

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import CallError, PermanentError, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.prompted.secrets import looks_like_secret
from srl_pipeline.teachers.providers.connections import trust
from srl_pipeline.teachers.providers.credentials import Credential, endpoint_of
from srl_pipeline.teachers.providers.failures import Account, attempt

T = TypeVar("T")
VERSION = "v1"
VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TOKEN_SECONDS = 20
_STATEMENT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_MEND = f"Check the credentials that {VARIABLE} names, or log in with 'gcloud auth application-default login'."


class CloudAccount:
    """On whose behalf Google's cloud is asked. May be used from several threads at once.

    Attributes:
        credentials: Google's own object; its token is good within `attempt`.
    """

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError where there are no credentials, or none that can be read."""
        self._entry = entry
        self._lock = threading.Lock()
        self.credentials = _found_credentials(entry)

    def attempt(self, ask: Callable[[], T], errors: tuple[type[Exception], ...]) -> T:
        """``ask()`` with a good token; its ``errors``, and those of the connection, become a CallError."""
        credential = Credential(self.token(), VARIABLE)
        try:
            return attempt(ask, Account.of(self._entry, credential), errors)
        except exceptions.GoogleAuthError as error:
            failure = _auth_failure(error)
        raise failure

    def token(self) -> str:
        """A good access token; raises CallError where Google gives none. It is never logged.

        google-auth itself tries twice more where Google's token service is overloaded; a token costs nothing.
        """
        try:
            with self._lock:
                if not self.credentials.valid:
                    self.credentials.refresh(functools.partial(Request(), timeout=_TOKEN_SECONDS))
                return str(self.credentials.token)
        except exceptions.GoogleAuthError as error:
            failure = _auth_failure(error)
        except ValueError as error:  # a key file whose key cannot be used
            failure = PermanentError(f"Google gives no access token: {type(error).__name__}", mend=_MEND)
        raise failure


def vertex_client(entry: TeacherEntry, account: CloudAccount, http: httpx2.Client) -> genai.Client:
    """The SDK's client; the address is always given, so no variable of the environment can redirect it."""
    return genai.Client(
        vertexai=True,
        project=entry.project,
        location=entry.region,
        credentials=account.credentials,
        http_options=types.HttpOptions(
            base_url=vertex_address(entry),
            api_version=VERSION,
            httpx_client=http,
            async_client_args={"verify": trust(), "ssl": trust()},  # of clients that the SDK makes in any case
        ),
    )


def vertex_address(entry: TeacherEntry) -> str:
    """Base URL of an entry's region, or its own endpoint; raises TeacherError for an unusable one."""
    if entry.region == "global":
        host = "aiplatform.googleapis.com"
    elif entry.region in ("us", "eu"):
        host = f"aiplatform.{entry.region}.rep.googleapis.com"
    else:
        host = f"{entry.region}-aiplatform.googleapis.com"
    return endpoint_of(entry, f"https://{host}")


def _found_credentials(entry: TeacherEntry) -> Any:
    try:
        return google.auth.default(scopes=_SCOPES)[0]
    except exceptions.GoogleAuthError as error:
        said = _words(error)
    except ValueError as error:  # its text may quote the file, which holds a private key
        said = f"the file of {VARIABLE} holds no key that can be used ({type(error).__name__})"
    raise TeacherError(
        f"Vertex AI needs Google's credentials: {said}",
        where=f"teachers.yaml: project {entry.project} of the teacher {entry.kind} {entry.model}",
        mend=_MEND,
    )


def _auth_failure(error: exceptions.GoogleAuthError) -> CallError:
    if isinstance(error, exceptions.TransportError):
        return TransientError(f"Google's token service cannot be reached: {_words(error)}")
    if error.retryable:
        return TransientError(f"Google's token service is overloaded: {_words(error)}")
    return PermanentError(f"Google gives no access: {_words(error)}", mend=_MEND)


def _words(error: exceptions.GoogleAuthError) -> str:
    """Google's words as one short line, without the signed statement that it was sent."""
    line = " ".join(_STATEMENT.sub("[key]", str(error.args[0] if error.args else error)).split())
    return "its words have the form of a credential" if looks_like_secret(line) else line[:300]
