"""What SageMaker and Step Functions answer when something is wrong: what passes, and what a person must mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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

_OVERLOADED = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "ServiceUnavailable", "InternalFailure"}
_KEPT = "A job that runs goes on; the next run of the same finds it by its name."


def passes(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment."""
    if is_unreached(error):
        return True
    return isinstance(error, Exception) and (code_of(error) in _OVERLOADED or status_of(error) >= 500)


def is_taken(error: Exception) -> bool:
    """Whether there is a job of that name."""
    return code_of(error) == "ResourceInUse"


def is_absent(error: Exception) -> bool:
    """Whether there is no job of that name."""
    return code_of(error) in ("ResourceNotFound", "ValidationException") and "not found" in message_of(error).lower()


@contextmanager
def told(operation: str, where: str, service: str = "SageMaker") -> Iterator[None]:
    """Turn what boto3 raises into a PipelineError, never with a key or a token.

    Args:
        operation: The API's name of what is asked, such as ``CreateTrainingJob``.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        what, mend = _answered(error, operation, service)
        raise PipelineError(what, where=where, mend=mend) from None
    except BotoCoreError as error:
        what, mend = unanswered(error, service, _KEPT)
        raise PipelineError(what, where=where, mend=mend) from None


def _answered(error: Exception, operation: str, service: str) -> tuple[str, str]:
    code, message = code_of(error), message_of(error)
    if code in ("AccessDeniedException", "AccessDenied"):
        action = named_action(message) or f"{_PREFIXES[service]}:{operation}"
        return f"The action {action} is not allowed.", f"Grant {action} to the role that runs this."
    if (refused := bad_credentials(error)) is not None:
        return refused[0], f"{refused[1]} {_KEPT}"
    if code == "ResourceLimitExceeded":
        return (
            f"The account has no more room for such a job: {message}",
            "Raise the quota of the instance type (for spot there is one of its own), or wait for another job's end.",
        )
    if passes(error):
        return f"{service} is overloaded or out of order ({code}).", f"Run again later. {_KEPT}"
    return f"{service} refused {operation} ({code}: {message})", "See AWS's message; SRL_SAGEMAKER describes the jobs."


_PREFIXES = {"SageMaker": "sagemaker", "Step Functions": "states"}
