"""The life of a job at a vendor, one step at a time. Whatever happens between two steps, the next process goes on.

Each step does one thing outside and then writes the record. A crash between the two repeats the thing, so every one of
them may be repeated: the hold is found in the ledger by the job's key, files by their names, the job by its key at the
vendor, the deployment by its name. So there is one job at the vendor and one payment in the ledger, whenever a process
dies. Steps of one job are taken by one process at a time (`work.py` holds the lock).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from srl_pipeline.clock import now, now_iso
from srl_pipeline.errors import TuningError
from srl_pipeline.registry import Account, Caps, Hold, Ledger, Nanos, dollars
from srl_pipeline.tuning.jobs import TuningJob, TuningJobs
from srl_pipeline.tuning.pricing import charged, price_of
from srl_pipeline.tuning.provider import FileGone, JobGone, TuningProvider
from srl_pipeline.tuning.records import JobState, TuningExample

log = logging.getLogger("srl_pipeline")
HOLD_SECONDS = 60 * 24 * 3600.0
"""How long money stays set aside: longer than any job may run. What nobody settles by then counts as spent."""
MOST_UPLOADS = 3
"""Times that files which expired are sent again."""
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Lifecycle:
    """What the steps of a job need.

    Attributes:
        amount: What is set aside before anything is sent; asked only then.
        examples: Reads the data set; asked only where files are sent.
        register: Makes a teacher of a tuned model; returns its name. May be repeated.
        compare: Measures it against prompting alone and records the decision; returns its number. May be repeated.
    """

    jobs: TuningJobs
    ledger: Ledger
    provider: TuningProvider
    caps: Caps
    amount: Callable[[], Nanos]
    examples: Callable[[], Sequence[TuningExample]]
    register: Callable[[TuningJob], str]
    compare: Callable[[TuningJob], int]

    def step(self, job: TuningJob) -> TuningJob:
        """Take the next step; returns the job as it is then. A job that the vendor is at work on stays as it is.

        Raises BudgetError where a cap leaves too little, CallError where the vendor cannot be asked, TuningError where
        the job cannot go on. The record is then as before, with the reason at most.
        """
        return {
            "planned": self._reserve,
            "reserved": self._upload,
            "uploaded": self._submit,
            "submitted": self._look,
            "ended": self._settle,
            "settled": self._register,
            "registered": self._compare,
        }[job.phase](job)

    def cancel(self, job: TuningJob) -> TuningJob:
        """End a job: at the vendor where it was submitted, at once where it was not. Money is settled by `step`."""
        if job.over:
            return job
        if job.phase in ("planned", "reserved", "uploaded"):
            if (found := self.provider.find(job.key)) is None:  # a crash may have kept the submission to itself
                return self._end(job, JobState(state="cancelled", trained_tokens=0, trained_seconds=0.0))
            job = self._submitted(job, found)
        if job.phase != "submitted":
            raise TuningError(
                f"Job {job.key} has ended already: it is {job.phase}.",
                where=f"tuning job {job.key}",
                mend="Let it go on, or leave its teacher out of selection.candidates.",
            )
        try:
            self.provider.cancel(job.job)
        except JobGone:
            # Nobody can tell what it costs: all that was set aside counts as spent.
            problem = f"The vendor does not know job {job.job} any more; all that was set aside counts as spent."
            return self._end(job, JobState(state="cancelled", problem=problem))
        return self._look(job)

    def _reserve(self, job: TuningJob) -> TuningJob:
        hold = self._held(job)
        if hold is None:
            account = Account(run=job.run, model_type=job.model_type, vendor=self.provider.vendor)
            hold = self.ledger.hold(job.key, account, self.amount(), self.caps, seconds=HOLD_SECONDS)
        return self._put(job, phase="reserved", hold=hold)

    def _held(self, job: TuningJob) -> Hold | None:
        """What is set aside for a job, also where a crash kept it from the record."""
        return job.hold or next((hold for hold in self.ledger.open_holds(job.run) if hold.call == job.key), None)

    def _upload(self, job: TuningJob) -> TuningJob:
        files = self.provider.files(self.examples(), job.spec)
        references = {file.split: self.provider.upload(file) for file in files}
        return self._put(job, phase="uploaded", files=references, uploads=job.uploads + 1)

    def _submit(self, job: TuningJob) -> TuningJob:
        try:
            begun = self.provider.submit(job.spec, job.files)
        except FileGone as gone:
            if job.uploads >= MOST_UPLOADS:
                raise
            log.warning("tuning %s: %s; the files are sent again", job.key, gone)
            return self._put(job, phase="reserved", files={})
        return self._submitted(job, begun)

    def _submitted(self, job: TuningJob, begun: str) -> TuningJob:
        return self._put(job, phase="submitted", job=begun, submitted_at=now_iso(), problem="")

    def _look(self, job: TuningJob) -> TuningJob:
        try:
            state = self.provider.look(job.job)
        except JobGone as gone:
            problem = f"{gone}: whether it runs, and what it costs, nobody can tell; its money stays set aside."
            if job.problem != problem:
                self._put(job, problem=problem)
            raise TuningError(
                problem,
                where=f"tuning job {job.key}",
                mend=f"Look at the vendor's console. Run again to ask once more, or give it up with 'srl-pipeline "
                f"tunings cancel {job.key}': all that was set aside then counts as spent.",
            ) from gone
        if state.state in ENDED:
            return self._end(job, state)
        if self._too_long(job):
            log.warning("tuning %s: longer than %g hours, it is cancelled", job.key, job.tuner.max_hours)
            self.provider.cancel(job.job)
        return job if state == job.state and not job.problem else self._put(job, state=state, problem="")

    def _too_long(self, job: TuningJob) -> bool:
        return now() - datetime.fromisoformat(job.submitted_at) > timedelta(hours=job.tuner.max_hours)

    def _end(self, job: TuningJob, state: JobState) -> TuningJob:
        return self._put(job, phase="ended", state=state, problem=state.problem)

    def _settle(self, job: TuningJob) -> TuningJob:
        state = job.state
        assert state is not None  # a job that has ended has one
        amount: Nanos = 0
        if (hold := self._held(job)) is not None:
            amount = charged(state, price_of(job.tuner, job.tuner_name), hold.amount)
            self.ledger.commit(hold, amount)
        log.info("tuning %s: %s, it cost $%.4f", job.key, state.state, dollars(amount))
        return self._put(job, phase="settled" if state.state == "succeeded" else "closed", charged=amount)

    def _register(self, job: TuningJob) -> TuningJob:
        state = job.state
        assert state is not None
        if not job.served:
            return self._put(job, served=self.provider.serve(state.model, job.key))
        return self._put(job, phase="registered", teacher=self.register(job))

    def _compare(self, job: TuningJob) -> TuningJob:
        return self._put(job, phase="compared", decision=self.compare(job))

    def _put(self, job: TuningJob, /, **changes: object) -> TuningJob:
        return self.jobs.put(job.model_copy(update={**changes, "updated_at": now_iso()}))
