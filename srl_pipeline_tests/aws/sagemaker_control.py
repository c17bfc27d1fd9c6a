"""Test-only: what a test sees of emulated training jobs and does to them, in whichever process their server is."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from srl_pipeline_tests.aws.sagemaker import CONTROL
from srl_pipeline_tests.aws.sagemaker_record import ENDED


@dataclass(frozen=True)
class Seen:
    """A job.

    Attributes:
        status: TrainingJobStatus.
        secondary: SecondaryStatus.
        starts: How many machines it has had.
        pid: Of its container's process 1; None while it has no machine.
        machine: That machine's folder.
        reason: FailureReason.
    """

    name: str
    status: str
    secondary: str
    starts: int
    pid: int | None
    machine: str | None
    reason: str | None


class TrainingJobs:
    """The jobs of the server at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url

    def jobs(self) -> list[Seen]:
        """All jobs, as they were made."""
        return [Seen(**job) for job in self._ask("jobs")]

    def wait(self, name: str, status: str, seconds: float = 60) -> Seen:
        """The job once its status or its secondary status is ``status``.

        Raises:
            AssertionError: It ended otherwise, or that took longer than ``seconds``.
        """
        until = time.monotonic() + seconds
        while True:
            job = next((job for job in self.jobs() if job.name == name), None)
            if job is not None and status in (job.status, job.secondary):
                return job
            assert job is None or job.status not in ENDED, f"not {status}: {job}"
            assert time.monotonic() < until, f"not {status} in {seconds} s: {job}"
            time.sleep(0.05)

    def interrupt(self, name: str, grace: float | None = None, away: float = 0) -> None:
        """Reclaim the spot machine of a job that is Training; returns when the machine is gone.

        Args:
            grace: Seconds between SIGTERM and SIGKILL; 0 for no warning, None for the server's.
            away: Seconds without another machine.

        Raises:
            AssertionError: The job is not Training, or not on a spot machine.
        """
        self._ask("interrupt", name=name, away=away, **({} if grace is None else {"grace": grace}))

    def grace(self, seconds: float) -> None:
        """Jobs made from now on have this long between SIGTERM and SIGKILL; 20 unless said."""
        self._ask("grace", seconds=seconds)

    def no_capacity(self) -> None:
        """The next job that is made fails for want of a machine."""
        self._ask("no-capacity")

    def _ask(self, action: str, **query: Any) -> Any:
        request = urllib.request.Request(f"{self._url}{CONTROL}{action}?{urlencode(query)}", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{action} {query}: {error.read().decode()}") from None
