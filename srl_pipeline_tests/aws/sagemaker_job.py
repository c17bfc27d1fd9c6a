"""Test-only: an emulated training job that runs its container's command.

As AWS documents it: the statuses and their order, SIGTERM and a grace before an end, an interrupted spot job that
starts again under its name on a new machine, both time limits, the failure file. Ours: no phase takes longer than it
must, nothing is uploaded, a machine's disk is gone after each start (checkpoints are the job's own affair), billable is
the time on machines without a spot discount, and a reclaimed spot machine sends SIGTERM (AWS promises no warning: use a
grace of 0).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from srl_pipeline_tests.aws.sagemaker_machine import Machine
from srl_pipeline_tests.aws.sagemaker_record import ENDED, JobRecord, failure_reason, limit_reached

NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
CRASHED = "InternalServerError: We encountered an internal error. Please try again."
LOOK_SECONDS = 0.05
FORGOTTEN = "Forgotten"


def outcome(code: int, why: str | None, asked: str | None) -> str:
    """How a start went: ``code`` its exit code, ``why`` it had to be ended, ``asked`` what has been asked by then."""
    if asked in ("Stopped", FORGOTTEN):
        return asked
    return why or ("Failed" if code else "Completed")


@dataclass(frozen=True)
class Surroundings:
    """What a job needs of its account.

    Attributes:
        environment: What the platform adds to each container.
        line: Told log stream and line.
        grace: Seconds between SIGTERM and SIGKILL.
        capacity: Whether there is a machine for it.
    """

    environment: Mapping[str, str]
    line: Callable[[str, str], None]
    grace: float
    capacity: bool = True


class TrainingJob(JobRecord):
    """A job, running from its making on.

    Attributes:
        over: Set when its status will not change again, or when it was forgotten.
        interruptions: How often its machine was reclaimed.
    """

    def __init__(self, request: Mapping[str, Any], arn: str, around: Surroundings) -> None:
        super().__init__(request, arn)
        self.over = threading.Event()
        self.interruptions = 0
        self.machine: Machine | None = None
        self._around = around
        self._asked: str | None = None
        """Why it is to end now: Stopped, Interrupted, or `FORGOTTEN`."""
        self._grace, self._away = around.grace, 0.0
        self._created, self._stream = time.monotonic(), 0
        self._thread = threading.Thread(target=self._run, name=self.training_job_name, daemon=True)
        self._thread.start()

    @property
    def forgotten(self) -> bool:
        return self._asked == FORGOTTEN

    def stop(self) -> bool:
        """What StopTrainingJob does; False if it has ended."""
        with self.changed:
            if self.training_job_status == "InProgress":
                self._asked, self._grace = "Stopped", self._around.grace
                self.training_job_status = "Stopping"
                self.enter("Stopping")
            return self.training_job_status not in ENDED

    def interrupt(self, grace: float | None, away: float) -> str | None:
        """Reclaim its spot machine; None when that is gone, otherwise why it cannot be.

        Args:
            grace: Seconds between SIGTERM and SIGKILL; None for the usual.
            away: Seconds without another machine.
        """
        with self.changed:
            if not self.spot or self.secondary_status != "Training":
                return f"it is {self.secondary_status}, {'' if self.spot else 'not '}on a spot machine"
            before = self.interruptions
            self._asked, self._away = "Interrupted", away
            self._grace = self._around.grace if grace is None else grace
            self.changed.wait_for(lambda: self._asked != "Interrupted")
            return None if self.interruptions > before else f"it is {self.secondary_status}: it ended before"

    def forget(self) -> None:
        """Kill what runs; nothing is heard of it again."""
        with self.changed:
            self._asked = FORGOTTEN
        self._thread.join()

    def _run(self) -> None:
        try:
            self._live()
        finally:
            with self.changed:
                if self.training_job_status not in ENDED and not self.forgotten:
                    self._settle("Failed", CRASHED)  # a mistake of the emulation: the exception is printed
                self.over.set()
                self.changed.notify_all()

    def _live(self) -> None:
        if not self._around.capacity:
            self.end("Failed", NO_CAPACITY)
            return
        while self._start():
            back = time.monotonic() + self._away
            while (why := self._why_end(0.0)) is None and time.monotonic() < back:
                time.sleep(LOOK_SECONDS)
            if why is not None:
                if why != FORGOTTEN:
                    self.end(why)
                return

    def _why_end(self, running: float) -> str | None:
        """Why it is to end, ``running`` seconds after its machine started; None if it is not."""
        since = time.monotonic() - self._created
        return self._asked or limit_reached(self.request["StoppingCondition"], self.ran + running, since)

    def _start(self) -> bool:
        """Run on a new machine until that is gone; whether there has to be another."""
        self.enter("Downloading")
        began = time.monotonic()
        machine = self._machine()
        try:
            code, why = self._watch(machine, began)
            written = machine.failure()
        finally:
            machine.delete()
            self.ran += time.monotonic() - began
        with self.changed:
            self.machine = None
            ended = outcome(code, why, self._asked)
            self._settle(ended, failure_reason(written, code) if ended == "Failed" else None)
            return ended == "Interrupted"

    def _settle(self, why: str, reason: str | None) -> None:
        if self._asked == "Interrupted":
            self._asked = None
        if why == "Interrupted":
            self.interruptions += 1
            self.enter("Interrupted")
            self.enter("Starting")
        elif why != FORGOTTEN:
            self.enter("Uploading")
            self.end(why, reason)

    def _machine(self) -> Machine:
        algorithm = self.request["AlgorithmSpecification"]
        command = [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", ())]
        own = {**self._around.environment, **self.request.get("Environment", {})}
        own |= {"TRAINING_JOB_NAME": self.training_job_name, "TRAINING_JOB_ARN": self.arn}
        self._stream = max(self._stream + 1, int(time.time()))
        stream = f"{self.training_job_name}/algo-1-{self._stream}"
        machine = Machine(command, own, lambda text: None if self.forgotten else self._around.line(stream, text))
        with self.changed:
            self.machine = machine
            self.starts += 1
            if self._asked is None:
                self.enter("Training")
        return machine

    def _watch(self, machine: Machine, began: float) -> tuple[int, str | None]:
        """The exit code, and why it had to be ended, None if it ended of itself."""
        while (code := machine.ended(LOOK_SECONDS)) is None:
            if (why := self._why_end(time.monotonic() - began)) is not None:
                return self._end_machine(machine), why
        return code, None

    def _end_machine(self, machine: Machine) -> int:
        with self.changed:
            if self._asked is None:  # a time limit
                self.training_job_status = "Stopping"
                self.enter("Stopping")
        if self._grace > 0 and not self.forgotten:
            machine.terminate()
        until = time.monotonic() + self._grace
        while (code := machine.ended(LOOK_SECONDS)) is None:
            if self.forgotten or time.monotonic() > until:
                return 128 + signal.SIGKILL  # what deleting the machine does
        return code
