"""From what boto3 raises of S3 to `ArtifactError`: what is wrong, with which object, and who can mend it.

Of AWS's own words only error codes and names of actions are kept: they may quote keys and signatures.
"""

# boto3 has no types: what it gives is Any here, and typed from here on.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as aws
from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.aws_errors import bad_credentials, code_of, unanswered

_ACTIONS = {
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetObject": "s3:GetObject (and s3:ListBucket: without it S3 says the same of an object that is not there)",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
}
"""Operation -> what a policy must allow; everything else writes."""
_NAMED_ACTION = re.compile(r"\b(?:s3|kms):[A-Z][A-Za-z]+\b")
_DENIED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
_THROTTLED = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "503", "429"}
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "XAmzContentChecksumMismatch"}
_GONE = {"NoSuchKey", "404"}
_KEPT = "Finished work is kept."
_AGAIN = f"Run again later. {_KEPT}"


@contextmanager
def s3_errors(where: str) -> Generator[None, None, None]:
    """Turn what boto3 raises about ``where``, an ``s3://`` address, into an ArtifactError."""
    try:
        yield
    except (aws.ClientError, aws.BotoCoreError, RetriesExceededError, S3DownloadFailedError) as error:
        raise explained(error, where) from None  # its own words may quote keys


def explained(error: Exception, where: str) -> ArtifactError:
    """The error that users see."""
    if isinstance(error, RetriesExceededError):
        return explained(error.last_exception, where)
    if isinstance(error, aws.ClientError):
        what, mend = _answered(error)
    elif isinstance(error, (aws.FlexibleChecksumError, S3DownloadFailedError)):
        what, mend = f"The object changed or broke on its way ({type(error).__name__}).", _AGAIN
    else:
        what, mend = unanswered(error, "S3", _KEPT)
    return ArtifactError(what, where=where, mend=mend)


def _answered(error: aws.ClientError) -> tuple[str, str]:
    code, operation = code_of(error), error.operation_name
    response: dict[str, Any] = dict(error.response)
    details: dict[str, Any] = response.get("Error", {})
    if code == "NoSuchBucket":
        return "The bucket does not exist.", "Create it (the Terraform does), or correct SRL_STORE."
    if code in _GONE:
        return "The object is not there.", "Restore its last version, or materialize the artifact again."
    if code in _REGION:
        headers: dict[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region = headers.get("x-amz-bucket-region") or details.get("Region") or details.get("BucketRegion")
        return (
            f"The bucket is in another region{f', {region}' if region else ''}.",
            f"Set AWS_DEFAULT_REGION={region or '…'}, or AWS_ENDPOINT_URL where it is not at AWS.",
        )
    if code in _DENIED:
        named = sorted(set(_NAMED_ACTION.findall(str(details.get("Message", "")))))
        action = ", ".join(named) or _ACTIONS.get(operation, "s3:PutObject")
        return f"Access is denied to {operation}.", f"Allow {action} to the role that runs this."
    if (refused := bad_credentials(error)) is not None:
        return refused
    if code in _THROTTLED:
        return f"S3 refuses more requests for now ({code}), also after five attempts.", _AGAIN
    if code in _DAMAGED:
        return f"What arrived is not what was sent ({code}).", _AGAIN
    return f"S3 answers {code or 'without a code'} to {operation}.", "Look that code up in S3's error responses."
