"""The few things that the artifact store asks of S3. Every call raises ArtifactError in S3's place."""

# boto3 has no types: what it gives is Any here, and typed from here on.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.session import Session

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.aws_errors import code_of
from srl_pipeline.registry.s3_errors import s3_errors

CONNECTIONS = 16
_CHECKED = {"ChecksumAlgorithm": "SHA256"}
_RACED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_MIB = 1 << 20
_BATCH = 1000
"""Objects that one request deletes at most."""


@dataclass(frozen=True)
class Found:
    """A small object: its bytes, and the tag by which S3 tells whether it is still the same."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class Listed:
    """An object as a listing has it: its key, its bytes, and when it was written (seconds since 1970)."""

    key: str
    size: int
    changed: float


@cache
def _loader() -> Loader:
    """botocore's description of S3, read once a process: it is most of a client's cost, and every step opens one."""
    return Session().get_component("data_loader")


class Bucket:
    """One bucket. Credentials, region and endpoint are found by boto3 in its own ways."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def client(self) -> Any:
        """boto3's client, safe to share between threads."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=CONNECTIONS,
        )
        with s3_errors(f"s3://{self.name}"):
            session = Session()
            session.register_component("data_loader", _loader())
            return boto3.Session(botocore_session=session).client("s3", config=config)

    def url(self, key: str) -> str:
        """The address of a key, for people."""
        return f"s3://{self.name}/{key}"

    def read(self, key: str) -> Found | None:
        """A small object, or None; one request."""
        with s3_errors(self.url(key)):
            try:
                answer = self.client.get_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            return Found(answer["Body"].read(), answer["ETag"])

    def write(self, key: str, data: bytes, *, replacing: str | None) -> bool:
        """Write a small object if it is still as it was: the one with the ETag ``replacing``, or none at all.

        False, and nothing is written, where it is not.
        """
        condition = {"IfMatch": replacing} if replacing else {"IfNoneMatch": "*"}
        with s3_errors(self.url(key)):
            try:
                self.client.put_object(Bucket=self.name, Key=key, Body=data, **_CHECKED, **condition)
            except ClientError as error:
                gone = code_of(error) in ("NoSuchKey", "404")  # what was to be replaced is not there any more
                if code_of(error) in _RACED or (replacing and gone):
                    return False
                raise
        return True

    def put(self, key: str, data: bytes) -> None:
        """Write a small object, whatever is there."""
        with s3_errors(self.url(key)):
            self.client.put_object(Bucket=self.name, Key=key, Body=data, **_CHECKED)

    def upload(self, files: Mapping[str, Path]) -> None:
        """Write files by their keys, several at once and large ones in parts, each with its SHA-256."""
        self._transfer(files, lambda manager, key, file: manager.upload(str(file), self.name, key, dict(_CHECKED)))

    def download(self, files: Mapping[str, Path]) -> None:
        """Read objects into files, several at once and large ones in ranges."""
        self._transfer(files, lambda manager, key, file: manager.download(self.name, key, str(file)))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names between ``prefix``, which ends with a slash, and the next slash."""
        for page in self._pages(prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"].removeprefix(prefix).removesuffix("/")

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        """All keys that begin so, in order; ``after``: only those that come after this one."""
        for page in self._pages(prefix, **({"StartAfter": after} if after else {})):
            yield from (found["Key"] for found in page.get("Contents", []))

    def objects(self, prefix: str) -> Iterator[Listed]:
        """All objects whose keys begin so, in order."""
        for page in self._pages(prefix):
            for found in page.get("Contents", []):
                yield Listed(found["Key"], found["Size"], found["LastModified"].timestamp())

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are not there are no error."""
        for batch in (keys[i : i + _BATCH] for i in range(0, len(keys), _BATCH)):
            with s3_errors(self.url(batch[0])):
                wanted = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
                answer = self.client.delete_objects(Bucket=self.name, Delete=wanted, **_CHECKED)
            if failed := answer.get("Errors"):
                raise ArtifactError(
                    f"{len(failed)} objects could not be deleted ({failed[0].get('Code')}).",
                    where=self.url(failed[0]["Key"]),
                    mend="Grant s3:DeleteObject below the store's prefix, and clean again.",
                )

    def keeps_versions(self) -> bool:
        """Whether an object that is overwritten or deleted can be had back."""
        with s3_errors(f"s3://{self.name}"):
            return self.client.get_bucket_versioning(Bucket=self.name).get("Status") == "Enabled"

    def _pages(self, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
        with s3_errors(self.url(prefix)):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, **more)
            yield from pages

    def _transfer(self, files: Mapping[str, Path], start: Callable[[Any, str, Path], Any]) -> None:
        settings = TransferConfig(
            multipart_threshold=16 * _MIB,
            multipart_chunksize=16 * _MIB,
            max_concurrency=4,
            preferred_transfer_client="classic",  # the other one retries and times out by rules of its own
        )
        with create_transfer_manager(self.client, settings) as manager:
            begun = [(key, start(manager, key, file)) for key, file in files.items()]
            for key, transfer in begun:
                with s3_errors(self.url(key)):
                    transfer.result()
