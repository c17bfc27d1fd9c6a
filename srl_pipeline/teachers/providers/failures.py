"""One mapping from what went wrong with a request to `CallError`: by HTTP status, or by how the connection broke."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx2

from srl_pipeline.teachers.calls.records import Billed, CallError, PermanentError, RateLimitError, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.credentials import Credential

T = TypeVar("T")
_EXCERPT = 300
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)
_MAYBE_AT_WORK = {408, 504, 524}
"""A gateway gave up waiting: the model behind it may well finish, and be paid for."""
_TRY_AGAIN = {408, 409, 425}


@dataclass(frozen=True)
class Account:
    """On whose behalf is asked: all that an error message may name, and the key that it must not."""

    vendor: str
    model: str
    credential: Credential

    @classmethod
    def of(cls, entry: TeacherEntry, credential: Credential) -> Account:
        return cls(entry.account_vendor, entry.model, credential)

    def words(self, text: object) -> str:
        """``text`` as one short line without the key."""
        line = " ".join(self.credential.scrub(str(text)).split())
        return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


def attempt(ask: Callable[[], T], account: Account, errors: tuple[type[Exception], ...]) -> T:
    """``ask()``; its ``errors``, those of the connection and of reading JSON become a CallError.

    The SDK's exception is not chained: its text and its request hold headers, so the key.
    """
    try:
        return ask()
    except (*errors, httpx2.HTTPError, ValueError, RecursionError) as error:  # JSON may be nested too deep to read
        failure = _failure(error, account)
    raise failure


def status_failure(status: int, headers: Mapping[str, str], detail: object, account: Account) -> CallError:
    """What an HTTP status other than success means; ``detail`` is the body, or whatever is known of it."""
    message = f"{account.vendor} answered {status}: {account.words(_said(detail))}"
    billed: Billed = "unknown" if status in _MAYBE_AT_WORK else "no"
    if status == 429 and "insufficient_quota" in str(detail):
        return PermanentError(message, mend=f"The account at {account.vendor} has no credit left: add some.")
    if status == 429:
        return RateLimitError(message, retry_after=_retry_after(headers, detail))
    if status >= 500 or status in _TRY_AGAIN:
        return TransientError(message, billed=billed, retry_after=_retry_after(headers, detail))
    return PermanentError(message, mend=_mend(status, account))


def broken_answer(what: object, account: Account) -> TransientError:
    """An answer that arrived but cannot be read: it has probably been paid for."""
    return TransientError(f"{account.vendor} sent an unreadable answer: {account.words(what)}", billed="unknown")


def _failure(error: Exception, account: Account) -> CallError:
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(status, int) and status != 200:
        detail = getattr(error, "body", None) or getattr(error, "details", None) or error
        return status_failure(status, getattr(response, "headers", {}), detail, account)
    cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__
    if isinstance(cause, httpx2.HTTPError):
        return _connection_failure(cause, account)
    return broken_answer(error, account)


def _connection_failure(error: httpx2.HTTPError, account: Account) -> TransientError:
    if isinstance(error, _NOT_SENT):
        return TransientError(f"{account.vendor} cannot be reached: {account.words(error)}")
    if isinstance(error, httpx2.TimeoutException):
        return TransientError(f"{account.vendor} did not answer in time", billed="unknown")
    return TransientError(f"the connection to {account.vendor} broke: {account.words(error)}", billed="unknown")


def _said(detail: object) -> object:
    """The vendor's sentence in the body of an error, else the body."""
    inner = detail.get("error", detail) if isinstance(detail, dict) else detail
    return inner.get("message", detail) if isinstance(inner, dict) else detail


def _retry_after(headers: Mapping[str, str], detail: object) -> float | None:
    """Seconds to wait, from the headers in their three forms or from Google's RetryInfo in the body."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if (seconds := _number(text)) is not None:
        return seconds
    if text:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            return None
    match = re.search(r"['\"]retryDelay['\"]: ?['\"](\d+(?:\.\d+)?)s['\"]", str(detail))
    return float(match[1]) if match else None


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _mend(status: int, account: Account) -> str:
    if status in (401, 403):
        variable = account.credential.variable
        if variable is None:
            return "The endpoint asks for a key: name the variable that holds it in 'api_key_env' of teachers.yaml."
        return f"Check the key in the environment variable {variable}, and what it may be used for."
    if status == 402:
        return f"The account at {account.vendor} cannot pay: look at its billing page."
    if status == 404:
        return f"Check 'model' ({account.model}) and 'endpoint' of the teacher in teachers.yaml."
    if status == 413:
        return "The prompt is too large for the endpoint: lower lore.token_budget."
    if 300 <= status < 400:
        return "The endpoint redirects, and a key is not carried elsewhere: write the final address as 'endpoint'."
    return "Check the teacher's settings in teachers.yaml: the vendor's words above name what it does not take."
