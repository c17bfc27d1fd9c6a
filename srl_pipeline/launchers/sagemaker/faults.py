"""What SageMaker and the way to it answer when something is wrong: what passes, and what a person must mend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from srl_pipeline.errors import PipelineError

_OVERLOADED = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "ServiceUnavailable", "InternalFailure"}
_EXPIRED = {"ExpiredTokenException", "ExpiredToken", "RequestExpired"}
_KEYS = {"UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignature", "InvalidSignatureException"}
_DENIED = {"AccessDeniedException", "AccessDenied"}
_RENEW = "Renew them (aws sso login, a new session token, or the role of the machine or pod), and run again."
_KEPT = "A job that runs goes on; the next run of the same finds it by its name."


def passes(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, ClientError):
        return _code(error) in _OVERLOADED or _status(error) >= 500
    return isinstance(error, (ConnectionError, HTTPClientError))


def is_taken(error: Exception) -> bool:
    """Whether there is a job of that name."""
    return _code(error) == "ResourceInUse"


def is_absent(error: Exception) -> bool:
    """Whether there is no job of that name."""
    return _code(error) in ("ResourceNotFound", "ValidationException") and "not found" in _message(error).lower()


@contextmanager
def told(operation: str, where: str) -> Iterator[None]:
    """Turn what boto3 raises into a PipelineError, never with a key or a token."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        what, mend = _answered(error, operation)
        raise PipelineError(what, where=where, mend=mend) from None
    except BotoCoreError as error:
        what, mend = _unanswered(error)
        raise PipelineError(what, where=where, mend=mend) from None


def _answered(error: Any, operation: str) -> tuple[str, str]:
    code, message = _code(error), _message(error)
    if code in _DENIED:
        found = re.search(r"\b(?:sagemaker|iam|logs|kms):\w+", message)
        action = found[0] if found else f"sagemaker:{operation}"
        return f"The action {action} is not allowed.", f"Grant {action} to the role that runs this."
    if code in _EXPIRED:
        return "The AWS credentials have expired.", f"{_RENEW} {_KEPT}"
    if code in _KEYS:
        return f"AWS does not accept the credentials ({code}).", _RENEW
    if code == "ResourceLimitExceeded":
        return (
            f"The account has no more room for such a job: {message}",
            "Raise the quota of the instance type (for spot there is one of its own), or wait for another job's end.",
        )
    if passes(error):
        return f"SageMaker is overloaded or out of order ({code}).", f"Run again later. {_KEPT}"
    return f"SageMaker refused {operation} ({code}: {message})", "See AWS's message; SRL_SAGEMAKER describes the jobs."


def _unanswered(error: Exception) -> tuple[str, str]:
    from botocore import exceptions as botocore

    kind = type(error).__name__
    if isinstance(error, botocore.NoRegionError):
        return "No AWS region is set.", "Set AWS_REGION, or a region in the AWS profile."
    if isinstance(error, (botocore.NoCredentialsError, botocore.PartialCredentialsError)):
        return "There are no complete AWS credentials.", "Give the machine or pod a role, or set AWS_PROFILE."
    if isinstance(error, (botocore.SSOError, botocore.TokenRetrievalError, botocore.CredentialRetrievalError)):
        return f"The AWS credentials cannot be had ({kind}).", _RENEW
    if isinstance(error, (botocore.ConnectionError, botocore.HTTPClientError)):
        return f"SageMaker cannot be reached ({kind}).", f"Check network, region and AWS_ENDPOINT_URL. {_KEPT}"
    return f"boto3 does not send the request ({kind}: {error}).", "SRL_SAGEMAKER describes the jobs; check it."


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _message(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Message", ""))


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
