"""The teacher of a generation, ready to be asked: for a language model with the cache of its calls, ledger and caps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import TeacherRef
from srl_pipeline.registry import Account, Ledger, dollars
from srl_pipeline.registry.artifacts import disk_errors
from srl_pipeline.registry.places import open_ledger
from srl_pipeline.teachers import Teacher, make_teacher, teacher_entry
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.teachers.registry import check_terms
from srl_pipeline.verification import Verifier

if TYPE_CHECKING:
    from srl_pipeline.generation.data_card import Cost
    from srl_pipeline.teachers.calls.caller import Asker

CALLS, BATCHES = "calls.sqlite", "batches.sqlite"
POLL_SECONDS, QUIET_SECONDS = 10.0, 2.0
"""Of a batch: before the first look at it (later ones are up to ten times as far apart), and of silence before it is
handed in."""
BATCHED = 512
"""Scenarios worked on at once where calls are batched: each waits for its batch most of the time."""


@dataclass(frozen=True)
class Teaching:
    """A teacher and how it is asked.

    Attributes:
        concurrency: Scenarios worked on at once.
        entry: What `teachers.yaml` says of it.
        asker: What a language model is asked through; None for one that runs by itself.
    """

    teacher: Teacher
    concurrency: int
    entry: TeacherEntry
    ledger: Ledger | None = None
    account: Account | None = None
    asker: Asker | None = None

    def abort(self) -> None:
        """Begin no further call."""
        if self.asker is not None:
            self.asker.close()

    @property
    def spent_usd(self) -> float:
        """What the generation has cost, over all its attempts."""
        if self.ledger is None or self.account is None:
            return 0.0
        return dollars(self.ledger.spent_by_run(self.account.run).committed)

    def cost(self) -> Cost | None:
        """What the calls were like; None for a teacher that makes none."""
        from srl_pipeline.generation.data_card import Cost

        if self.asker is None:
            return None
        found = self.asker.meter.snapshot()
        return Cost(
            usd=self.spent_usd,
            calls=found.calls + found.cached,
            cached=found.cached,
            input_tokens=found.input_tokens,
            output_tokens=found.output_tokens,
            latency_p50=found.latency_p50,
            latency_p95=found.latency_p95,
            retries=found.retries,
            rate_limited=found.rate_limits,
        )


@contextmanager
def teaching(ref: TeacherRef, verifier: Verifier, config: PipelineConfig, home: Path, run: str) -> Iterator[Teaching]:
    """The teacher that a pin names, until the block is left.

    Args:
        home: Folder of the ledger and of the cache of calls, shared by all runs of an installation.
        run: What the calls are charged to: the data version of what is made.

    Raises TeacherError and BudgetError before anything is asked.
    """
    entry = teacher_entry(ref.name)
    if entry.kind == "search":
        yield Teaching(make_teacher(ref, verifier), config.generation.concurrency, entry)
        return
    check_terms(ref.name, entry)  # before connections, keys and files
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    ledger = open_ledger(home)
    account = Account(run=run, model_type=verifier.pack.name, vendor=entry.account_vendor)
    try:
        with _asker(entry, ledger, account, config, home) as asker:
            teacher = make_teacher(ref, verifier, asker)
            concurrency = BATCHED if entry.batch else entry.limits.concurrency
            yield Teaching(teacher, concurrency, entry, ledger, account, asker)
    finally:
        ledger.close()


@contextmanager
def _asker(
    entry: TeacherEntry, ledger: Ledger, account: Account, config: PipelineConfig, home: Path
) -> Iterator[Asker]:
    from srl_pipeline.teachers.calls.batches import BatchCaller
    from srl_pipeline.teachers.calls.cache import CallCache
    from srl_pipeline.teachers.calls.caller import Caller
    from srl_pipeline.teachers.calls.pricing import caps_of
    from srl_pipeline.teachers.providers import make_backend, make_batch_backend

    caps = caps_of(config.budget, account.vendor)
    deadline = config.generation.timeout_seconds or None
    cache = CallCache(home / CALLS)
    try:
        if entry.batch:
            asker = BatchCaller(
                make_batch_backend(entry),
                entry,
                cache,
                ledger,
                account,
                caps,
                state=home / BATCHES,
                deadline=deadline,
                poll_seconds=POLL_SECONDS,
                quiet_seconds=QUIET_SECONDS,
            )
        else:
            asker = Caller(make_backend(entry), entry, cache, ledger, account, caps, deadline=deadline)
        try:
            yield asker
        finally:
            asker.close()
    finally:
        cache.close()
