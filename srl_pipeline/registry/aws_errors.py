"""What any AWS service, and the way to it, answers when credentials, region, clock or network are wrong.

Each function gives what is wrong and how to mend it; neither ever has a key or a token in it.
"""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import re
from typing import Any

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_KEYS = {
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_CLOCK = {"RequestExpired", "RequestTimeTooSkewed"}
_RENEW = "Renew them (aws sso login, a new session token, or the role of the machine or pod), and run again."


def code_of(error: Exception) -> str:
    """AWS's code of an error; the HTTP status where the answer had no body; empty where nothing answered."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def message_of(error: Exception) -> str:
    """AWS's own words."""
    return str(_answer(error).get("Error", {}).get("Message", ""))


def status_of(error: Exception) -> int:
    """The HTTP status; 0 where nothing answered."""
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_unreached(error: BaseException) -> bool:
    """Whether the service never answered: the same request may succeed in a moment."""
    from botocore.exceptions import ConnectionError, HTTPClientError

    return isinstance(error, (ConnectionError, HTTPClientError))


def named_action(message: str) -> str:
    """The action that AWS says is missing, such as ``kms:Decrypt``; empty where it names none."""
    found = re.search(r"\b[a-z][a-z0-9-]*:[A-Z][A-Za-z]+\b", message)
    return found[0] if found else ""


def bad_credentials(error: Exception) -> tuple[str, str] | None:
    """What is wrong where AWS does not take the credentials, or the time of the request; else None."""
    code = code_of(error)
    if code in _CLOCK or (code == "InvalidSignatureException" and "expired" in message_of(error).lower()):
        return f"AWS refuses the time of the request ({code}): this machine's clock is wrong.", "Set the clock (NTP)."
    if code in _EXPIRED:
        return "The AWS credentials have expired.", _RENEW
    if code in _KEYS:
        return f"AWS does not accept the credentials ({code}).", _RENEW
    return None


def unanswered(error: Exception, service: str, kept: str) -> tuple[str, str]:
    """What is wrong where boto3 got no answer from ``service``; ``kept``: what is not lost by it, as a sentence."""
    from botocore import exceptions as botocore

    kind = type(error).__name__
    credentials = (
        botocore.CredentialRetrievalError,
        botocore.SSOError,
        botocore.SSOTokenLoadError,
        botocore.TokenRetrievalError,
        botocore.UnauthorizedSSOTokenError,
    )
    if isinstance(error, botocore.NoRegionError):
        return "No AWS region is set.", "Set AWS_REGION, or a region in the AWS profile."
    if isinstance(error, (botocore.NoCredentialsError, botocore.PartialCredentialsError)):
        mend = "Give the machine or pod a role, set AWS_PROFILE, or set the variables of an access key."
        return "There are no complete AWS credentials.", mend
    if isinstance(error, credentials):
        return f"The AWS credentials cannot be had ({kind}).", _RENEW
    if is_unreached(error):
        mend = f"Check network, region and AWS_ENDPOINT_URL, and run again. {kept}"
        return f"{service} cannot be reached, or does not answer in time ({kind}).", mend
    mend = "Check AWS_DEFAULT_REGION, AWS_PROFILE and AWS_ENDPOINT_URL."
    return f"boto3 does not send the request to {service} ({kind}).", mend


def _answer(error: Exception) -> dict[str, Any]:
    return getattr(error, "response", None) or {}
