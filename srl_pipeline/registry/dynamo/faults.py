"""What DynamoDB and the way to it answer when something is wrong: what passes, and what a person must mend."""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from srl_pipeline.errors import PipelineError

_OVERLOADED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ContinuousBackupsUnavailableException",  # for a while after a table was made
    }
)
_MISSING = "ResourceNotFoundException"
_CONDITION, _NONE = "ConditionalCheckFailed", "None"
_CANCELLED_PASSING = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", _CONDITION, _NONE}
)
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})
_UNKNOWN_KEYS = frozenset(
    {"UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationToken"}
)
_LOG_IN = "Renew them (aws sso login, a new session token, or the role of the machine or pod), then run again."


def passes(error: Exception) -> bool:
    """Whether the same request may succeed in a moment: overload, a conflict of transactions, a lost connection."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, ClientError):
        reasons = cancellation_reasons(error)
        if reasons:
            return _CONDITION not in reasons and set(reasons) <= _CANCELLED_PASSING
        return _code(error) in _OVERLOADED or _status(error) >= 500
    return isinstance(error, (ConnectionError, HTTPClientError))


def failed_conditions(error: Exception) -> frozenset[int]:
    """Places of the writes of a transaction whose conditions did not hold; empty where that is not what is wrong."""
    return frozenset(i for i, reason in enumerate(cancellation_reasons(error)) if reason == _CONDITION)


def cancellation_reasons(error: Exception) -> list[str]:
    """Why a transaction was cancelled, a code a write; empty for any other error."""
    reasons: list[Mapping[str, Any]] = getattr(error, "response", {}).get("CancellationReasons") or []
    return [str(reason.get("Code", _NONE)) for reason in reasons]


class MissingTable(PipelineError):
    """There is no table of this name in this region."""


def told(error: Exception, operation: str, table: str, endpoint: str) -> PipelineError:
    """``error`` for people: never with a key or a token.

    Args:
        operation: The API's name of what was asked, such as ``PutItem``.
        endpoint: The address that was asked, as far as it is known.
    """
    from botocore import exceptions as botocore

    where = f"DynamoDB table {table}" + (f" at {endpoint}" if endpoint else "")
    if isinstance(error, botocore.ClientError):
        what, mend = _answered(error, operation)
    elif isinstance(error, botocore.NoRegionError):
        what, mend = "No AWS region is set.", "Set AWS_REGION, or a region in the AWS profile."
    elif isinstance(error, (botocore.NoCredentialsError, botocore.PartialCredentialsError)):
        what = "There are no complete AWS credentials."
        mend = "Give the machine or pod a role, set AWS_PROFILE, or set the variables of an access key."
    elif isinstance(error, (botocore.SSOError, botocore.TokenRetrievalError, botocore.CredentialRetrievalError)):
        what, mend = f"The AWS credentials cannot be had ({type(error).__name__}).", _LOG_IN
    elif isinstance(error, (botocore.ConnectionError, botocore.HTTPClientError)):
        what = f"DynamoDB cannot be reached ({type(error).__name__})."
        mend = "Check network, region and AWS_ENDPOINT_URL, then run again: nothing is applied twice."
    else:
        what, mend = f"DynamoDB cannot be used ({type(error).__name__}: {error}).", "Check the AWS configuration."
    kind = MissingTable if getattr(error, "response", None) and _code(error) == _MISSING else PipelineError
    return kind(what, where=where, mend=mend)


def _answered(error: Any, operation: str) -> tuple[str, str]:
    """What a refusal says, and its remedy."""
    code, message = _code(error), str(error.response.get("Error", {}).get("Message", ""))
    if code == _MISSING:
        mend = "Check SRL_STATE and the region; `srl-pipeline state create` or Terraform makes the table."
        return "There is no such table.", mend
    if code in ("AccessDeniedException", "AccessDenied"):
        action = _action(message) or f"dynamodb:{operation}"
        return f"The action {action} is not allowed.", f"Grant {action} on the table to the role that runs this."
    if code in _EXPIRED:
        return "The AWS credentials have expired.", _LOG_IN
    if code == "InvalidSignatureException" and "expired" in message.lower():
        return "AWS takes the request for an old one: this machine's clock is wrong.", "Set the clock (NTP)."
    if code in _UNKNOWN_KEYS or code == "InvalidSignatureException":
        return f"AWS does not accept the credentials ({code}).", _LOG_IN
    if code in _OVERLOADED or _status(error) >= 500 or cancellation_reasons(error):
        mend = "Run again later; where it stays, fewer runs at once, or ask AWS for a higher limit."
        return f"DynamoDB is overloaded, or many write the same item ({_why(error)}).", mend
    return f"DynamoDB refused {operation} ({code}: {message}).", "See AWS's message."


def _why(error: Any) -> str:
    reasons = sorted(set(cancellation_reasons(error)) - {_NONE})
    return ", ".join(reasons) or _code(error)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _action(message: str) -> str:
    found = re.search(r"\b(?:dynamodb|kms):\w+", message)
    return found[0] if found else ""
