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
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, Decisions, Ledger, StoredArtifact
from srl_pipeline.registry.places import open_ledger
from srl_pipeline.teachers import teacher_entry
from srl_pipeline.teachers.calls.pricing import caps_of
from srl_pipeline.teachers.calls.records import CallError, PermanentError, TransientError
from srl_pipeline.teachers.calls.retry import pause_before_retry
from srl_pipeline.tuning.candidates import DATASET, Candidates
from srl_pipeline.tuning.dataset import read_examples
from srl_pipeline.tuning.job_store import open_jobs_store
from srl_pipeline.tuning.jobs import TuningJob, TuningJobs
from srl_pipeline.tuning.lifecycle import Lifecycle
from srl_pipeline.tuning.plan import Plan, estimate_job, make_plan, plan_job
from srl_pipeline.tuning.pricing import to_hold
from srl_pipeline.tuning.prompting import PromptLifecycle
from srl_pipeline.tuning.provider import TuningProvider
from srl_pipeline.tuning.providers import make_provider
from srl_pipeline.tuning.records import TuningExample
from srl_pipeline.tuning.spec import Tuner

log = logging.getLogger("srl_pipeline")
FOLDER = "tuning"
"""Where locks are, below an installation's folder."""
LONGEST_PAUSE = 60.0
"""Seconds: a vendor that asks for more is asked again by the next look."""


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
        newest: TuningJob | None = None
        attempt = 1
        with self.jobs() as jobs:
            while (found := jobs.get(plan_job(pack, entry, dataset, tuner_name, tuner, attempt).key)) is not None:
                newest, attempt = found, attempt + 1
        if newest is not None and (newest.phase != "closed" or not again):
            made = make_plan(self.home, self.store, pack, self.config, dataset, tuner_name, tuner, newest.attempt)
            return Plan(newest, made.entry, made.card, made.estimate, made.checks)
        return make_plan(self.home, self.store, pack, self.config, dataset, tuner_name, tuner, attempt)

    def begin(self, plan: Plan) -> TuningJob:
        """Keep a planned job, before anything is spent; one that is kept already is returned.

        Raises TuningError where a check failed, or where another job of the same tuner is under way.
        """
        lock = self.home / FOLDER / f"{self.pack.name}-{plan.job.tuner_name}.lock"
        with exclusive(lock, lambda: log.info("another process begins a job: waiting")), self.jobs() as jobs:
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
        """Take all steps that can be taken now; a vendor that is at work is asked once.

        Raises BudgetError, TeacherError and TuningError: the job then waits where it is.
        """
        with self._held(key) as (job, lifecycle, jobs):
            if job.phase == "planned":  # money was set aside for nothing yet, and much may have changed since
                self._check(job)
            while not job.over:
                waited = job.waiting
                job = self._attempt(jobs, job.key, lifecycle.step)
                if waited and job.waiting:
                    break
            return job

    def look(self, key: str) -> TuningJob:
        """Ask the vendor once about a job that waits for it; raises TuningError where another process has the job."""
        with self._held(key, wait=False) as (job, lifecycle, jobs):
            return self._attempt(jobs, key, lifecycle.step) if job.waiting else job

    def follow(self, key: str, seconds: float, told: Callable[[TuningJob], None]) -> TuningJob:
        """`advance` until the job is over, ``seconds`` apart; ``told`` is called after each look."""
        while not (job := self.advance(key)).over:
            told(job)
            time.sleep(seconds)
        return job

    def cancel(self, key: str) -> TuningJob:
        """Give a job up, then settle its money. The vendor may take a while: `advance` asks again."""
        with self._held(key) as (_, lifecycle, jobs):
            job = self._attempt(jobs, key, lifecycle.cancel)
        return job if job.over else self.advance(key)

    @contextmanager
    def jobs(self) -> Iterator[TuningJobs]:
        """The jobs of this installation, until the block is left."""
        jobs = open_jobs_store(self.home)
        try:
            yield jobs
        finally:
            jobs.close()

    @contextmanager
    def _held(
        self, key: str, *, wait: bool = True
    ) -> Iterator[tuple[TuningJob, Lifecycle | PromptLifecycle, TuningJobs]]:
        """The newest record of a job, what takes its steps and where it is kept, while no other process has it."""

        def busy() -> None:
            if not wait:
                raise TuningError(
                    "Another process is at work on it.", where=f"tuning job {key}", mend="It is looked at again."
                )
            log.info("another process is at work on %s: waiting", key)

        with exclusive(self.home / FOLDER / f"{key}.lock", busy), self.jobs() as jobs:
            if (job := jobs.get(key)) is None:
                raise TuningError(
                    f"There is no tuning job {key!r}.", where="tuning jobs", mend="See srl-pipeline tunings."
                )
            ledger = open_ledger(self.home)
            try:
                with self._lifecycle(job, jobs, ledger) as lifecycle:
                    yield job, lifecycle, jobs
            finally:
                ledger.close()

    @contextmanager
    def _lifecycle(self, job: TuningJob, jobs: TuningJobs, ledger: Ledger) -> Iterator[Lifecycle | PromptLifecycle]:
        candidates = Candidates(self.home, self.store, self.decisions, self.pack, self.config)

        def dataset() -> StoredArtifact:  # a job is looked at, cancelled and settled without it
            return self.store.require(DATASET, job.model_type, job.dataset)

        if job.tuner.method == "prompt":
            data = dataset()
            yield PromptLifecycle(self.home, self.store, self._pinned(data), self.config, jobs, data, candidates)
            return

        def examples() -> Sequence[TuningExample]:
            return read_examples(dataset().path)

        provider = self.connect(job.entry, job.tuner)
        try:
            yield Lifecycle(
                jobs,
                ledger,
                provider,
                caps_of(self.config.budget, provider.vendor),
                lambda: to_hold(estimate_job(self.store, self.pack, self.config, dataset(), job)),
                examples,
                candidates.register,
                candidates.compare,
            )
        finally:
            provider.close()

    def _attempt(self, jobs: TuningJobs, key: str, step: Callable[[TuningJob], TuningJob]) -> TuningJob:
        """One step, tried again while the vendor cannot be reached; what stops it is kept with the job."""
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(self.attempts),
            wait=lambda state: min(LONGEST_PAUSE, pause_before_retry(state)),
            reraise=True,
        )

        def newest() -> TuningJob:  # what failed may have written before it did
            job = jobs.get(key)
            assert job is not None  # it is held
            return job

        try:
            return retrying(lambda: step(newest()))
        except CallError as error:
            mend = error.mend if isinstance(error, PermanentError) else "Run again: nothing is lost or paid twice."
            _note(jobs, newest(), str(error))
            where = f"tuning job {key}, which is {newest().phase}"
            raise TuningError(f"{str(error).rstrip('.')}.", where=where, mend=mend) from error
        except PipelineError as error:
            _note(jobs, newest(), error.what)
            raise

    def _check(self, job: TuningJob) -> None:
        """Raise TuningError where a job that was planned may not begin any more."""
        data = self.store.require(DATASET, job.model_type, job.dataset)
        pack, name = self._pinned(data), job.tuner_name
        plan = make_plan(self.home, self.store, pack, self.config, data, name, job.tuner, job.attempt)
        if plan.failed:
            with self.jobs() as jobs:
                _note(jobs, job, " ".join(check.detail for check in plan.failed))
            plan.require_sound()

    def _pinned(self, dataset: StoredArtifact) -> Pack:
        """The pack by whose rules the data set was verified."""
        pins = {name: dataset.manifest.inputs[name] for name in Sources.model_fields}
        return load_sources(self.store, self.pack.name, Sources(**pins)).pack


def _note(jobs: TuningJobs, job: TuningJob, problem: str) -> None:
    """Keep why a job does not go on."""
    if job.problem != problem:
        jobs.put(job.model_copy(update={"problem": problem, "updated_at": now_iso()}))
