"""Training jobs at SageMaker: begin, look, stop, wait; what goes wrong is said with its remedy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from srl_pipeline.launchers.sagemaker.faults import is_absent, is_taken, passes, told

log = logging.getLogger("srl_pipeline")
PATIENCE_SECONDS = 900.0
"""How long SageMaker may be out of reach while a job runs, before the launcher gives up."""
LOGS = "/aws/sagemaker/TrainingJobs"
TAIL_LINES = 12
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Job:
    """What SageMaker says of a job.

    Attributes:
        status: InProgress, Stopping, Completed, Failed or Stopped.
        stage: What it does in detail: Starting, Training, Interrupted, MaxRuntimeExceeded …
        reason: Why it failed, in SageMaker's words; empty otherwise.
        billed_seconds: What is paid for; 0 while it is not known.
    """

    name: str
    status: str
    stage: str
    reason: str = ""
    billed_seconds: float = 0.0

    @property
    def ended(self) -> bool:
        return self.status in _ENDED


class Jobs:
    """The training jobs of an account in a region. Credentials, region and endpoint are found by boto3 in its ways."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        import boto3
        from botocore.config import Config

        retries = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60)
        self._patience = patience_seconds
        with told("any request", "the client of SageMaker"):
            self._api: Any = boto3.client("sagemaker", config=retries)
            self._logs: Any = boto3.client("logs", config=retries)

    def begin(self, request: dict[str, Any]) -> bool:
        """Start a job; False where there is one of that name already. Safe to repeat."""
        name = request["TrainingJobName"]

        def create() -> bool:
            try:
                self._api.create_training_job(**request)
            except Exception as error:
                if is_taken(error):
                    return False
                raise
            return True

        return self._patiently(create, "CreateTrainingJob", name)

    def look(self, name: str) -> Job | None:
        """A job as it is now, or None."""

        def describe() -> Job | None:
            try:
                return _job(self._api.describe_training_job(TrainingJobName=name))
            except Exception as error:
                if is_absent(error):
                    return None
                raise

        return self._patiently(describe, "DescribeTrainingJob", name)

    def newest(self, base: str) -> tuple[Job | None, int]:
        """The job of the latest attempt at ``base`` with its last retry, and the number of the attempt after it."""
        found: Job | None = None
        for number in count():
            job = self.look(attempt(base, number))
            if job is None:
                return found, number
            for retry in count(1):
                found = job
                if (job := self.look(attempt(base, number, retry))) is None:
                    break
        raise AssertionError("unreachable")

    def stop(self, name: str) -> None:
        """Have a job end; it gets its signal and may save. One that has ended stays as it is."""
        job = self.look(name)
        if job is None or job.ended or job.status == "Stopping":
            return

        def stop() -> None:
            try:
                self._api.stop_training_job(TrainingJobName=name)
            except Exception:
                if (now := self.look(name)) is None or not (now.ended or now.status == "Stopping"):
                    raise

        self._patiently(stop, "StopTrainingJob", name)

    def wait(self, name: str, every: float, news: Callable[[Job], None]) -> Job:
        """Until a job has ended; ``news`` hears of each change. ``every``: seconds between two looks."""
        heard = ""
        while True:
            job = self.look(name)
            if job is None:  # SageMaker forgets none: it is somebody else's account or region now
                return Job(name, "Failed", "Gone", "SageMaker does not know this job any more.")
            if job.stage != heard:
                heard = job.stage
                news(job)
            if job.ended:
                return job
            time.sleep(every)

    def last_words(self, name: str) -> str:
        """The end of what a job's newest machine printed; empty where that cannot be read."""
        try:
            streams = self._logs.describe_log_streams(logGroupName=LOGS, logStreamNamePrefix=f"{name}/")["logStreams"]
            if not streams:
                return ""
            newest = max(stream["logStreamName"] for stream in streams)
            events = self._logs.get_log_events(
                logGroupName=LOGS, logStreamName=newest, limit=TAIL_LINES, startFromHead=False
            )["events"]
        except Exception as error:  # noqa: BLE001  what a job printed only explains another error
            log.warning("The log of job %s could not be read (%s).", name, type(error).__name__)
            return ""
        return "\n".join(event["message"].rstrip() for event in events)

    def _patiently(self, ask: Callable[[], Any], operation: str, name: str) -> Any:
        """Ask again while SageMaker is out of reach or overloaded: a job that runs is paid for meanwhile."""
        attempts = Retrying(
            retry=retry_if_exception(passes),
            wait=wait_random_exponential(multiplier=1, max=30),
            stop=stop_after_delay(self._patience),
            reraise=True,
        )
        with told(operation, f"SageMaker training job {name}"):
            return attempts(ask)


def attempt(base: str, number: int, retry: int = 0) -> str:
    """A job's name: each attempt has a number, and each repetition of its request by a state machine another."""
    return f"{base}-{number}-{retry}"


def _job(answer: dict[str, Any]) -> Job:
    return Job(
        name=answer["TrainingJobName"],
        status=answer["TrainingJobStatus"],
        stage=answer.get("SecondaryStatus", ""),
        reason=answer.get("FailureReason", ""),
        billed_seconds=float(answer.get("BillableTimeInSeconds", 0)),
    )
