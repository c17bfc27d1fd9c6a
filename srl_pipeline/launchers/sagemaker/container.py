"""What a training process does in a SageMaker container: find its request, speak by the bucket, tell a failure."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dagster_pipes import (
    PipesBlobStoreMessageWriter,
    PipesBlobStoreMessageWriterChannel,
    PipesEnvVarParamsLoader,
    PipesS3ContextLoader,
    open_dagster_pipes,
)

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import PipelineError

FAILURE_FILE = "SRL_FAILURE_FILE"
"""Environment variable: a file in which the platform looks for the reason of a failure."""
MAX_REASON = 900
"""Characters; SageMaker shows 1,024, its own words around it included."""
SECONDS = 5.0
"""Between two uploads of what the process said."""


def read_request(address: str) -> StageRequest:
    """The request in a file, or in an object ``s3://bucket/key``; raises PipelineError."""
    if not address.startswith("s3://"):
        return StageRequest.model_validate_json(Path(address).read_bytes())
    from srl_pipeline.registry.s3_bucket import Bucket

    bucket, _, key = address.removeprefix("s3://").partition("/")
    found = Bucket(bucket).read(key)
    if found is None:
        raise PipelineError("There is no request.", where=address, mend="Start the job through its launcher.")
    return StageRequest.model_validate_json(found.data)


def is_listened_to() -> bool:
    """Whether Dagster waits for what this process says."""
    return PipesEnvVarParamsLoader().is_dagster_pipes_process()


@contextmanager
def open_pipes() -> Iterator[Any]:
    """Dagster Pipes, by the bucket where the launcher says so."""
    if "key_prefix" not in PipesEnvVarParamsLoader().load_messages_params():
        with open_dagster_pipes() as pipes:
            yield pipes
        return
    import boto3

    client = boto3.client("s3")
    with open_dagster_pipes(context_loader=PipesS3ContextLoader(client), message_writer=_Writer(client)) as pipes:
        yield pipes


def tell_failure(error: PipelineError) -> None:
    """Leave the reason where the platform looks for it."""
    if file := os.environ.get(FAILURE_FILE):
        Path(file).write_text(str(error)[:MAX_REASON], encoding="utf-8")


class _Writer(PipesBlobStoreMessageWriter["_Channel"]):
    def __init__(self, client: Any) -> None:
        super().__init__(interval=SECONDS)
        self._client = client

    def make_channel(self, params: Any) -> _Channel:
        return _Channel(self._client, params["bucket"], params["key_prefix"])


class _Channel(PipesBlobStoreMessageWriterChannel):
    """Chunks that sort by the start of their process, then by their number."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        super().__init__(interval=SECONDS)
        self._client, self._bucket = client, bucket
        self._begin = f"{prefix}/{time.time_ns():020d}"

    def upload_messages_chunk(self, payload: IO[str], index: int) -> None:
        self._client.put_object(Body=payload.read(), Bucket=self._bucket, Key=f"{self._begin}-{index:06d}.jsonl")
