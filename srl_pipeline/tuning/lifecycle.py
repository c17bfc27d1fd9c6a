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
from srl_pipeline.teachers.calls.records import CallError, TransientError
from srl_pipeline.tuning.jobs import TuningJob, TuningJobs
from srl_pipeline.tuning.pricing import charged, price_of
from srl_pipeline.tuning.provider import FileGone, JobGone, TuningProvider, Unkept
from srl_pipeline.tuning.records import JobState, TuningExample

log = logging.getLogger("srl_pipeline")
HOLD_SECONDS = 60 * 24 * 3600.0
"""How long money stays set aside: longer than any job may run. What nobody settles by then counts as spent."""
MOST_UPLOADS = 3
"""Times that files which expired are sent again."""
ENDED = ("succeeded", "failed", "cancelled")
NEVER_SENT = JobState(state="cancelled", trained_tokens=0, trained_seconds=0.0)
GIVEN_UP = "It was given up."
DOUBT_SECONDS = 120.0
"""How long a submission whose outcome nobody knows may still be under way: until then the vendor is only asked for it,
and no second one is begun. Longer than a connection is waited for."""


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
        """Take the next step; returns the job as it is then, the same one where there is nothing to do but wait.

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
        if job.phase in ("settled", "registered"):  # paid for; nobody wants it compared
            return self._put(job, phase="closed", given_up=True, problem=GIVEN_UP)
        if not job.given_up:
            job = self._put(job, given_up=True)
        if job.phase in ("planned", "reserved", "uploaded"):
            found = self.provider.find(job.key)  # a crash may have kept the submission to itself
            if found is None:
                self._refuse_doubt(job)
                return self._end(job, NEVER_SENT)
            job = self._submitted(job, found)
        if job.phase != "submitted":
            return job
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
        if job.submitting_at:
            if (found := self.provider.find(job.key)) is not None:
                return self._submitted(job, found)
            if self._in_doubt(job):
                return job
        if job.given_up:
            return self._end(job, NEVER_SENT)
        job = self._put(job, submitting_at=now_iso())
        try:
            begun = self.provider.submit(job.spec, job.files)
        except Unkept as unkept:
            return self._end(job, JobState(state="failed", problem=str(unkept)))
        except FileGone as gone:
            if job.uploads >= MOST_UPLOADS:
                raise TuningError(
                    f"{gone}; the files were sent {job.uploads} times.",
                    where=f"tuning job {job.key}",
                    mend=f"Look at the vendor's console; give the job up with 'srl-pipeline tunings cancel {job.key}'.",
                ) from gone
            log.warning("tuning %s: %s; the files are sent again", job.key, gone)
            return self._put(job, phase="reserved", files={}, submitting_at="")
        except CallError as error:
            if error.billed == "no":
                self._put(job, submitting_at="")
            raise
        return self._submitted(job, begun)

    def _in_doubt(self, job: TuningJob) -> bool:
        """Whether a submission may still be under way; a clock that went back says nothing, so it may."""
        since = datetime.fromisoformat(job.submitting_at) if job.submitting_at else None
        return since is not None and now() - since < timedelta(seconds=DOUBT_SECONDS)

    def _refuse_doubt(self, job: TuningJob) -> None:
        if self._in_doubt(job):
            raise TuningError(
                f"Whether job {job.key} was begun is not known yet: its submission of {job.submitting_at} was cut off.",
                where=f"tuning job {job.key}",
                mend=f"Cancel it again in {DOUBT_SECONDS / 60:.0f} minutes; until then none is begun either.",
            )

    def _submitted(self, job: TuningJob, begun: str) -> TuningJob:
        return self._put(job, phase="submitted", job=begun, submitted_at=now_iso(), submitting_at="")

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
        if job.given_up:
            self.provider.cancel(job.job)
        elif self._too_long(job):
            log.warning("tuning %s: longer than %g hours, it is cancelled", job.key, job.tuner.max_hours)
            self.provider.cancel(job.job)
        return job if state == job.state and not job.problem else self._put(job, state=state)

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
        if state.state == "succeeded" and not job.given_up:
            return self._put(job, phase="settled", charged=amount)
        return self._put(
            job, phase="closed", charged=amount, problem=state.problem or (GIVEN_UP if job.given_up else "")
        )

    def _register(self, job: TuningJob) -> TuningJob:
        state = job.state
        assert state is not None
        if not job.served:
            try:
                return self._put(job, served=self.provider.serve(state.model, job.key))
            except TransientError as waiting:  # it is being deployed: that takes minutes
                log.info("tuning %s: %s", job.key, waiting)
                return job
        return self._put(job, phase="registered", teacher=self.register(job))

    def _compare(self, job: TuningJob) -> TuningJob:
        return self._put(job, phase="compared", decision=self.compare(job))

    def _put(self, job: TuningJob, /, **changes: object) -> TuningJob:
        return self.jobs.put(job.model_copy(update={"problem": "", **changes, "updated_at": now_iso()}))
