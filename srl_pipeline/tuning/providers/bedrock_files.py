"""Data sets in the user's S3 bucket."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.tuning.provider import FileGone
from srl_pipeline.tuning.providers.bedrock_connection import NOT_THERE, Aws
from srl_pipeline.tuning.providers.bedrock_data import PREFIX
from srl_pipeline.tuning.providers.bedrock_failures import Refused
from srl_pipeline.tuning.records import DataFile


class Bucket:
    """A bucket that is there, in the tuner's region."""

    def __init__(self, aws: Aws, name: str, region: str) -> None:
        self._aws = aws
        self._name = name
        self._region = region

    def upload(self, file: DataFile) -> str:
        """Put ``file`` where it is not there already; returns its S3 URI. Raises CallError."""
        self._require()
        key, checksum = f"{PREFIX}{file.name}", base64.b64encode(bytes.fromhex(file.digest)).decode()

        def put() -> None:
            self._aws.s3.put_object(
                Bucket=self._name,
                Key=key,
                Body=file.content,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                ContentType="application/jsonl",
                IfNoneMatch="*",
            )

        try:
            self._aws.ask("s3:PutObject", put)
        except Refused as refused:
            if refused.code != "PreconditionFailed":
                raise
            there = self._head(key)
            if (there.get("ChecksumSHA256"), there.get("ContentLength")) != (checksum, len(file.content)):
                raise PermanentError(
                    f"s3://{self._name}/{key} is there already, with another content",
                    mend="Its name is the hash of what we put there: delete it, and look at who may write there.",
                ) from None
        return f"s3://{self._name}/{key}"

    def require_file(self, reference: str) -> None:
        """Raise FileGone where an uploaded file is not there any more."""
        try:
            self._head(urlsplit(reference).path.lstrip("/"))
        except Refused as refused:
            if refused.code not in NOT_THERE:
                raise
            raise FileGone(f"{reference} is not there any more", mend="Upload it again.") from None

    def _require(self) -> None:
        try:
            found = self._aws.ask("s3:ListBucket", lambda: self._aws.s3.head_bucket(Bucket=self._name))
        except Refused as refused:
            if refused.code not in NOT_THERE:
                raise
            mend = "Make it, private and versioned, or name another in 'bucket' of tuning.yaml."
            raise PermanentError(f"there is no bucket {self._name}", mend=mend) from None
        if (there := found.get("BucketRegion")) and there != self._region:  # boto3 follows it there by itself
            raise PermanentError(
                f"bucket {self._name} is in {there}, the tuner in {self._region}: Bedrock reads its own region's alone",
                mend=f"Name a bucket of {self._region} in 'bucket' of tuning.yaml, or write {there} as 'region'.",
            )

    def _head(self, key: str) -> Mapping[str, Any]:
        def ask() -> Mapping[str, Any]:
            return self._aws.s3.head_object(Bucket=self._name, Key=key, ChecksumMode="ENABLED")

        return self._aws.ask("s3:GetObject", ask)
