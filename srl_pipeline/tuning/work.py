"""Runs tuning jobs of one model type: plans them, takes their steps under a lock, and goes on after a crash."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Sources
from srl_pipeline.errors import PipelineError, TuningError
from srl_pipeline.generation.sources import load_sources
from srl_pipeline.generation.teaching import LEDGER
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, Decisions, SqliteLedger, StoredArtifact
from srl_pipeline.teachers import teacher_entry
from srl_pipeline.teachers.calls.pricing import caps_of
from srl_pipeline.teachers.calls.records import CallError, PermanentError, TransientError
from srl_pipeline.teachers.calls.retry import pause_before_retry
from srl_pipeline.tuning.candidates import Candidates
from srl_pipeline.tuning.dataset import read_examples
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.lifecycle import Lifecycle
from srl_pipeline.tuning.plan import Plan, estimate_job, make_plan, plan_job
from srl_pipeline.tuning.pricing import to_hold
from srl_pipeline.tuning.prompting import PromptLifecycle
from srl_pipeline.tuning.provider import TuningProvider
from srl_pipeline.tuning.providers import make_provider
from srl_pipeline.tuning.records import TuningExample
from srl_pipeline.tuning.spec import Tuner
from srl_pipeline.tuning.sqlite_jobs import TUNING, SqliteTuningJobs

log = logging.getLogger("srl_pipeline")
DATASET = "tuning_dataset"
"""The asset that a job is trained on."""


@dataclass(frozen=True)
class Work:
    """All that jobs of one model type need.

    Attributes:
        pack: As it is now: what a tuned model is compared on.
        attempts: Tries of a step while the vendor cannot be reached.
        connect: Makes the adapter of a vendor.
    """

    home: Path
    store: ArtifactStore
    decisions: Decisions
    pack: Pack
    config: PipelineConfig
    attempts: int = 5
    connect: Callable[..., TuningProvider] = field(default=make_provider)

    def plan(self, dataset: StoredArtifact, tuner_name: str, tuner: Tuner, *, again: bool = False) -> Plan:
        """What would be done; of a job that was begun already, the job as it is. Sends nothing, spends nothing.

        ``again``: after a job that failed or was cancelled, another attempt.
        """
        entry, pack = teacher_entry(tuner.teacher), self._pinned(dataset)
        attempt = 1
        with self.jobs() as jobs:
            while (known := jobs.get(plan_job(pack, entry, dataset, tuner_name, tuner, attempt).key)) is not None:
                if known.phase != "closed" or not again:
                    break
                attempt += 1
        made = make_plan(self.home, self.store, pack, self.config, dataset, tuner_name, tuner, attempt)
        return Plan(known, made.entry, made.card, made.estimate, made.checks) if known else made

    def begin(self, plan: Plan) -> TuningJob:
        """Keep a planned job, before anything is spent; one that is kept already is returned.

        Raises TuningError where a check failed, or where another job of the same tuner is under way.
        """
        with self.jobs() as jobs:
            if (known := jobs.get(plan.job.key)) is not None:
                return known
            plan.require_sound()
            for other in jobs.jobs(self.pack.name):
                if other.tuner_name == plan.job.tuner_name and not other.over:
                    raise TuningError(
                        f"Job {other.key} of tuner {other.tuner_name} is {other.phase}; its data set is another one.",
                        where=f"tuning of {self.pack.name}",
                        mend=f"Let it end, or give it up: srl-pipeline tunings cancel {other.key}",
                    )
            return jobs.put(plan.job)

    def advance(self, key: str) -> TuningJob:
        """Take all steps that can be taken now; a job that the vendor is at work on is looked at once.

        Raises BudgetError, TeacherError and TuningError: the job then waits where it is.
        """
        with self._held(key) as (job, lifecycle):
            while not job.over:
                waited = job.phase == "submitted"
                job = self._attempt(job, lifecycle.step)
                if waited and job.phase == "submitted":
                    break
            return job

    def look(self, key: str) -> TuningJob:
        """Look once at a job that the vendor is at work on; take no step that would cost anything."""
        with self._held(key) as (job, lifecycle):
            return self._attempt(job, lifecycle.step) if job.phase == "submitted" else job

    def follow(self, key: str, seconds: float, told: Callable[[TuningJob], None]) -> TuningJob:
        """`advance` until the job is over, ``seconds`` apart; ``told`` is called after each look."""
        while not (job := self.advance(key)).over:
            told(job)
            time.sleep(seconds)
        return job

    def cancel(self, key: str) -> TuningJob:
        """Give a job up, then settle its money. The vendor may take a while: `advance` asks again."""
        with self._held(key) as (job, lifecycle):
            job = self._attempt(job, lifecycle.cancel)
        return job if job.over else self.advance(key)

    @contextmanager
    def jobs(self) -> Iterator[SqliteTuningJobs]:
        """The jobs of this installation, until the block is left."""
        jobs = SqliteTuningJobs(self.home / TUNING)
        try:
            yield jobs
        finally:
            jobs.close()

    @contextmanager
    def _held(self, key: str) -> Iterator[tuple[TuningJob, Lifecycle | PromptLifecycle]]:
        """The newest record of a job and what takes its steps, while no other process does."""
        lock = self.home / "tuning" / f"{key}.lock"
        with exclusive(lock, lambda: log.info("another process is at work on %s: waiting", key)), self.jobs() as jobs:
            if (job := jobs.get(key)) is None:
                raise TuningError(
                    f"There is no tuning job {key!r}.", where=str(self.home / TUNING), mend="See srl-pipeline tunings."
                )
            ledger = SqliteLedger(self.home / LEDGER)
            try:
                with self._lifecycle(job, jobs, ledger) as lifecycle:
                    yield job, lifecycle
            finally:
                ledger.close()

    @contextmanager
    def _lifecycle(
        self, job: TuningJob, jobs: SqliteTuningJobs, ledger: SqliteLedger
    ) -> Iterator[Lifecycle | PromptLifecycle]:
        candidates = Candidates(self.home, self.store, self.decisions, self.pack, self.config)
        entry = teacher_entry(job.tuner.teacher)
        dataset = self.store.require(DATASET, job.model_type, job.dataset)
        if job.tuner.method == "prompt":
            yield PromptLifecycle(self.home, self.store, self._pinned(dataset), self.config, jobs, dataset, candidates)
            return

        def examples() -> Sequence[TuningExample]:
            return read_examples(dataset.path)

        provider = self.connect(entry, job.tuner)
        try:
            yield Lifecycle(
                jobs,
                ledger,
                provider,
                caps_of(self.config.budget, provider.vendor),
                lambda: to_hold(estimate_job(self.store, self.pack, self.config, dataset, job)),
                examples,
                candidates.register,
                candidates.compare,
            )
        finally:
            provider.close()

    def _attempt(self, job: TuningJob, step: Callable[[TuningJob], TuningJob]) -> TuningJob:
        """One step, tried again while the vendor cannot be reached; what stops it is kept with the job."""
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(self.attempts),
            wait=pause_before_retry,
            reraise=True,
        )
        try:
            return retrying(step, job)
        except CallError as error:
            mend = error.mend if isinstance(error, PermanentError) else "Run again: nothing is lost or paid twice."
            self._note(job.key, str(error))
            raise TuningError(
                f"{str(error).rstrip('.')}.", where=f"tuning job {job.key}, which is {job.phase}", mend=mend
            ) from error
        except PipelineError as error:
            self._note(job.key, error.what)
            raise

    def _note(self, key: str, problem: str) -> None:
        with self.jobs() as jobs:
            job = jobs.get(key)
            if job is not None and job.problem != problem:
                jobs.put(job.model_copy(update={"problem": problem, "updated_at": now_iso()}))

    def _pinned(self, dataset: StoredArtifact) -> Pack:
        """The pack by whose rules the data set was verified."""
        pins = {name: dataset.manifest.inputs[name] for name in Sources.model_fields}
        return load_sources(self.store, self.pack.name, Sources(**pins)).pack
