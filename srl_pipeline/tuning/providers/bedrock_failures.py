"""From what boto3 raises to `CallError`: by AWS's code of the error, or by how the connection broke."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from botocore import exceptions as aws

from srl_pipeline.teachers.calls.records import Billed, CallError, PermanentError, RateLimitError, TransientError

T = TypeVar("T")
_EXCERPT = 300
_HIDDEN = "[key]"
_KEY_LIKE = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}|\b(?:Credential|Signature|X-Amz-Security-Token)[=:]\s*[^\s,&]+")
_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}
_LATER = {"ServiceQuotaExceededException", "ConditionalRequestConflict", "OperationAborted", "RequestTimeout"}
"""Refused now, not for good: a quota of jobs at once, or a write to the same object at the same time."""
_DENIED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "403"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_CREDENTIALS = "Look at the AWS credentials that boto3 finds (environment, profile or role): give or renew them."
_SETTINGS = "Check the tuner in tuning.yaml: AWS's words above name what it does not take."


class Refused(PermanentError):
    """AWS refused a request.

    Attributes:
        code: AWS's code of the error; the HTTP status where an answer has no body.
    """

    def __init__(self, message: str, *, mend: str, code: str) -> None:
        super().__init__(message, mend=mend)
        self.code = code


def attempt(ask: Callable[[], T], *, action: str, secrets: Callable[[], Sequence[str]], creates: bool = False) -> T:
    """``ask()``; what boto3 raises, and ValueError of an answer that cannot be read, becomes a CallError.

    ``action`` is what AWS must allow, by its name in policies. ``creates``: the request costs money once it is done,
    so where its answer is lost, `billed` is ``unknown``. The exception is not chained: it holds the signed request.
    """
    billed: Billed = "unknown" if creates else "no"
    try:
        return ask()
    except aws.ClientError as error:
        failure = _answered(error.response, action, billed, secrets())
    except aws.BotoCoreError as error:
        failure = _unanswered(error, action, billed, secrets())
    except ValueError as error:
        failure = TransientError(f"AWS sent an unreadable answer: {words(error, secrets())}", billed=billed)
    raise failure


def words(text: object, secrets: Sequence[str]) -> str:
    """``text`` as one short line without credentials: AWS quotes what it was sent."""
    line = str(text)
    for secret in secrets:
        line = line.replace(secret, _HIDDEN)
    line = " ".join(_KEY_LIKE.sub(_HIDDEN, line).split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


def _answered(response: Mapping[str, Any], action: str, billed: Billed, secrets: Sequence[str]) -> CallError:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
    message = f"AWS answered {code} to {action}: {words(error.get('Message', ''), secrets)}"
    if code in _THROTTLED or status == 429:
        return RateLimitError(message, retry_after=_seconds(metadata.get("HTTPHeaders", {})))
    if code in _LATER:
        return TransientError(message)
    if status >= 500:
        return TransientError(message, billed=billed, retry_after=_seconds(metadata.get("HTTPHeaders", {})))
    if code in _BAD_CREDENTIALS:
        return Refused(message, mend=_CREDENTIALS, code=code)
    if code in ("RequestTimeTooSkewed", "RequestExpired"):
        return Refused(message, mend="Set this machine's clock: AWS refuses requests of another time.", code=code)
    if code in _DENIED or status == 403:
        return Refused(message, mend=f"Allow {action} to the credentials that boto3 finds.", code=code)
    return Refused(message, mend=_SETTINGS, code=code)


def _unanswered(error: Exception, action: str, billed: Billed, secrets: Sequence[str]) -> CallError:
    told = words(error, secrets)
    if isinstance(
        error, (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError, aws.SSLError)
    ):
        return TransientError(f"AWS cannot be reached for {action}: {told}")
    if isinstance(error, aws.ReadTimeoutError):
        return TransientError(f"AWS did not answer {action} in time", billed=billed)
    if isinstance(error, (aws.HTTPClientError, aws.IncompleteReadError, aws.ResponseStreamingError)):
        return TransientError(f"the connection to AWS broke at {action}: {told}", billed=billed)
    if type(error).__name__ == "ResponseParserError":
        return TransientError(f"AWS sent an unreadable answer to {action}: {told}", billed=billed)
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)):
        return PermanentError(f"there are no AWS credentials for {action}: {told}", mend=_CREDENTIALS)
    if isinstance(
        error, (aws.ProfileNotFound, aws.TokenRetrievalError, aws.UnauthorizedSSOTokenError, aws.SSOTokenLoadError)
    ):
        return PermanentError(f"the AWS credentials for {action} cannot be had: {told}", mend=_CREDENTIALS)
    return PermanentError(f"boto3 does not send {action}: {told}", mend=_SETTINGS)


def _seconds(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None
