"""Test-only: tuning jobs in a server's memory. A job takes a step of its life each time somebody looks at it.

Google does not document what a job costs that failed or was cancelled. Here it costs the whole once it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from srl_pipeline_tests.vendors.vertex_training import count_tokens

SUCCEEDS = ("JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED")
FAILS = ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_FAILED")
ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")
_SPECS = {
    "supervisedTuningSpec": "supervisedTuningDataStats",
    "preferenceOptimizationSpec": "preferenceOptimizationDataStats",
}


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class LocalJob:
    """A job that was begun.

    Attributes:
        request: What was asked for.
        life: Its states, the present one first.
        tokens: Of one pass over the training file; counted when the job runs.
        lost: The server does not know it any more.
    """

    name: str
    number: int
    request: dict[str, Any]
    life: list[str]
    created: str = field(default_factory=_now)
    started: str = ""
    ended: str = ""
    tokens: int | None = None
    error: dict[str, Any] | None = None
    lost: bool = False
    looks: int = 0
    endpoint_looks: int = 0

    @property
    def state(self) -> str:
        return self.life[0]

    @property
    def key(self) -> str:
        """Label that finds it again."""
        return self.request.get("labels", {}).get("srl-key", "")

    @property
    def epochs(self) -> int:
        return int(self.tuning["hyperParameters"]["epochCount"])

    @property
    def billed_tokens(self) -> int:
        """What is on the bill: each pass over the training file, once a job that ran has ended."""
        return (self.tokens or 0) * self.epochs if self.state in ENDED else 0

    @property
    def tuning(self) -> dict[str, Any]:
        """The part of the request that is the method's."""
        return self.request[self.method]

    @property
    def method(self) -> str:
        (method,) = [name for name in _SPECS if name in self.request]
        return method

    @property
    def endpoint(self) -> str:
        """Where its model is deployed, once it succeeded."""
        return f"{self.name.partition('/tuningJobs/')[0]}/endpoints/{7000 + self.number}"

    @property
    def model(self) -> str:
        """Its tuned model, by Google's name."""
        return f"{self.endpoint.partition('/endpoints/')[0]}/models/{self.number}@1"

    def body(self) -> dict[str, Any]:
        """As it is answered."""
        job: dict[str, Any] = self.request | {"name": self.name, "state": self.state, "createTime": self.created}
        hyper = {"epochCount": str(self.epochs)}
        job[self.method] = self.tuning | {"hyperParameters": self.tuning["hyperParameters"] | hyper}
        if self.error is not None:
            job["error"] = self.error
        times = {"startTime": self.started, "endTime": self.ended}
        job |= {name: time for name, time in times.items() if time}
        if self.tokens is not None:
            job["tuningDataStats"] = {_SPECS[self.method]: {"totalBillableTokenCount": str(self.tokens)}}
        if self.state == "JOB_STATE_SUCCEEDED":
            job["tunedModel"] = {"model": self.model, "endpoint": self.endpoint}
        return job


class JobShelf:
    """All jobs of a server, the oldest first.

    Attributes:
        jobs: Lost ones included.
    """

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        *,
        life: Sequence[str],
        looks_a_step: int,
        failure: str,
        on_end: Callable[[LocalJob], None],
    ) -> None:
        """``read`` gives the content of an address; ``failure`` is what a job says whose life ends with a failure."""
        self.jobs: list[LocalJob] = []
        self._read = read
        self._life = list(life)
        self._looks_a_step = looks_a_step
        self._failure = failure
        self._on_end = on_end

    def begin(self, parent: str, request: dict[str, Any]) -> LocalJob:
        """Raises ValueError for data that cannot be used, FileNotFoundError where there are none."""
        number = len(self.jobs) + 1
        job = LocalJob(f"{parent}/tuningJobs/{4000 + number}", number, request, list(self._life))
        self._count(job)
        if "validationDatasetUri" in job.tuning:
            preference = job.method == "preferenceOptimizationSpec"
            count_tokens(self._content(job.tuning["validationDatasetUri"]), preference=preference, validation=True)
        self.jobs.append(job)
        return job

    def get(self, name: str) -> LocalJob | None:
        return next((job for job in self.jobs if job.name == name and not job.lost), None)

    def at(self, endpoint: str) -> LocalJob | None:
        """The job whose model is served there."""
        return next((j for j in self.jobs if j.endpoint == endpoint and j.state == "JOB_STATE_SUCCEEDED"), None)

    def listed(self) -> list[LocalJob]:
        """Newest first."""
        return [job for job in reversed(self.jobs) if not job.lost]

    def look(self, job: LocalJob) -> None:
        """Take a step, where it is time for one."""
        job.looks += 1
        if len(job.life) == 1 or job.looks % self._looks_a_step:
            return
        job.life.pop(0)
        if job.state == "JOB_STATE_RUNNING":
            try:
                job.tokens = self._count(job)
                job.started = _now()
            except FileNotFoundError as error:
                job.life, job.error = ["JOB_STATE_FAILED"], {"code": 5, "message": str(error)}
        elif job.state == "JOB_STATE_FAILED":
            job.error = {"code": 3, "message": self._failure}
        elif job.state == "JOB_STATE_CANCELLED":
            job.error = {"code": 1, "message": "The job was cancelled."}
        if job.state in ENDED:
            job.ended = _now()
            self._on_end(job)

    def cancel(self, job: LocalJob) -> bool:
        """Whether it had not ended yet; it has a step later."""
        if job.state in ENDED:
            return False
        job.life = ["JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"]
        return True

    def _count(self, job: LocalJob) -> int:
        content = self._content(job.tuning["trainingDatasetUri"])
        return count_tokens(content, preference=job.method == "preferenceOptimizationSpec")

    def _content(self, address: str) -> bytes:
        content = self._read(address)
        if content is None:
            raise FileNotFoundError(f"The file {address} does not exist or cannot be read.")
        return content
