"""What DynamoDB and the way to it answer when something is wrong: what passes, and what a person must mend."""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.aws_errors import (
    bad_credentials,
    code_of,
    is_unreached,
    message_of,
    named_action,
    status_of,
    unanswered,
)

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
_KEPT = "Nothing is applied twice."


def passes(error: Exception) -> bool:
    """Whether the same request may succeed in a moment: overload, a conflict of transactions, a lost connection."""
    reasons = cancellation_reasons(error)
    if reasons:
        return _CONDITION not in reasons and set(reasons) <= _CANCELLED_PASSING
    return is_unreached(error) or code_of(error) in _OVERLOADED or status_of(error) >= 500


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
    from botocore.exceptions import ClientError

    where = f"DynamoDB table {table}" + (f" at {endpoint}" if endpoint else "")
    if isinstance(error, ClientError):
        what, mend = _answered(error, operation)
    else:
        what, mend = unanswered(error, "DynamoDB", _KEPT)
    kind = MissingTable if code_of(error) == _MISSING else PipelineError
    return kind(what, where=where, mend=mend)


def _answered(error: Exception, operation: str) -> tuple[str, str]:
    """What a refusal says, and its remedy."""
    code, message = code_of(error), message_of(error)
    if code == _MISSING:
        mend = "Check SRL_STATE and the region; `srl-pipeline state create` or Terraform makes the table."
        return "There is no such table.", mend
    if code in ("AccessDeniedException", "AccessDenied"):
        action = named_action(message) or f"dynamodb:{operation}"
        return f"The action {action} is not allowed.", f"Grant {action} on the table to the role that runs this."
    if (refused := bad_credentials(error)) is not None:
        return refused
    if code in _OVERLOADED or status_of(error) >= 500 or cancellation_reasons(error):
        mend = "Run again later; where it stays, fewer runs at once, or ask AWS for a higher limit."
        return f"DynamoDB is overloaded, or many write the same item ({_why(error)}).", mend
    return f"DynamoDB refused {operation} ({code}: {message}).", "See AWS's message."


def _why(error: Exception) -> str:
    reasons = sorted(set(cancellation_reasons(error)) - {_NONE})
    return ", ".join(reasons) or code_of(error)
