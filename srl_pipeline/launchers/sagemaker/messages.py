"""Dagster Pipes by way of the bucket: a job's context goes there, its progress comes from there.

Dagster's own S3 reader counts chunks from 1 and stops at the first process that closes. A spot job is begun anew on
another machine, as often as it is interrupted, and a run that finds a job of an earlier one wants to hear it too. So
each process writes under the time of its start, all chunks of a job lie in one folder that its name says, and the
reader goes through them in order until it is told that the job has ended.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import PipesContextInjector
from dagster._core.pipes.utils import PipesThreadedMessageReader

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.s3_bucket import Bucket

log = logging.getLogger("srl_pipeline")
CONTEXT = "context.json"
MESSAGES = "messages"


class JobContext(PipesContextInjector):
    """Puts the context into the job's folder: SageMaker's variables are too short for it.

    Dagster's own injector deletes it afterwards, for which the role of a run has no right.
    """

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket, self._key = bucket, f"{folder}/{CONTEXT}"

    @contextmanager
    def inject_context(self, context_data: Any) -> Iterator[dict[str, Any]]:
        self._bucket.put(self._key, json.dumps(context_data).encode())
        yield {"bucket": self._bucket.name, "key": self._key}

    def no_messages_debug_text(self) -> str:
        return "Attempted to put the context into the folder of a SageMaker job."


class JobMessages(PipesThreadedMessageReader):
    """Reads what the processes of one job say."""

    def __init__(self, bucket: Bucket, folder: str, every: float) -> None:
        super().__init__(interval=every)
        self._bucket, self._prefix = bucket, f"{folder}/{MESSAGES}"
        self._job_ended = False
        self._closed: list[str] = []

    def job_ended(self) -> None:
        """From now on the last word of a process is the job's last word."""
        self._job_ended = True

    @contextmanager
    def get_params(self) -> Iterator[dict[str, Any]]:
        yield {"bucket": self._bucket.name, "key_prefix": self._prefix}

    def messages_are_readable(self, params: Any) -> bool:
        return True

    def download_messages(self, cursor: Any, params: Any) -> Any:
        """The next chunks; a closing message is held back until the job has ended."""
        ended = self._job_ended  # before looking: what is written until then is seen below
        lines: list[str] = []
        try:
            for key in self._bucket.keys(f"{self._prefix}/", after=cursor or ""):
                chunk = self._bucket.read(key)
                for line in chunk.data.decode().splitlines() if chunk else ():
                    (self._closed if json.loads(line).get("method") == "closed" else lines).append(line)
                cursor = key
        except ArtifactError as error:
            log.warning("The job's progress cannot be read for now. %s", error)
        if ended:
            lines += self._closed[-1:]
            self._closed = []
        return (cursor or "", "\n".join(lines)) if lines else None

    def no_messages_debug_text(self) -> str:
        return f"Attempted to read messages below {self._bucket.url(self._prefix)}."
