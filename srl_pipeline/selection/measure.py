"""Measure teachers: each solves the same tasks, step by step under Model C, as in a generation.

Calls are cached, metered and held against the caps, like all calls. What a candidate cannot do is said in its
measurement; the others go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import LoreBundle, Scenario, TeacherRef
from srl_pipeline.errors import BudgetError, PipelineError, TeacherError
from srl_pipeline.generation.flow import in_order
from srl_pipeline.generation.forecast import check_forecast
from srl_pipeline.generation.teaching import Teaching, teaching
from srl_pipeline.model_types import Pack
from srl_pipeline.selection.asking import CountingAsker
from srl_pipeline.selection.attempting import attempt
from srl_pipeline.selection.records import Candidate, Hindrance, Measurement
from srl_pipeline.selection.samples import Attempt, Sample, keep_sample, measurement, read_sample
from srl_pipeline.selection.tasks import Tasks
from srl_pipeline.teachers import make_teacher, teacher_entry
from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.verification import Verifier

FOLDER = "selection"
"""Where samples are kept, below an installation's folder."""


def measure_teachers(
    candidates: Sequence[Candidate], tasks: Tasks, pack: Pack, config: PipelineConfig, home: Path
) -> dict[str, Measurement]:
    """By name, everyone who can be asked and may: nothing is asked of the others, and nothing is said of them."""
    verifier = Verifier(pack)
    asked = [c for c in candidates if not c.problem and c.training_allowed and c.price_known]
    return {c.name: measure_teacher(c, tasks, verifier, config, home) for c in asked}


def measure_teacher(
    candidate: Candidate, tasks: Tasks, verifier: Verifier, config: PipelineConfig, home: Path
) -> Measurement:
    """One teacher on ``tasks``; from what was kept of it, where it was measured on them before."""
    file = sample_file(candidate, tasks, verifier.pack, home)
    measuring = _Measuring(tasks, verifier, config, home, run=f"selection-{file.stem}")
    try:
        sample = read_sample(file)
        if sample is None:
            sample = measuring.sample(TeacherRef(name=candidate.name, version=candidate.version))
            keep_sample(file, sample)
    except PipelineError as error:
        return Measurement(
            candidate=candidate.name,
            version=candidate.version,
            measuring_usd=measuring.spent_usd,
            hindrance=measuring.hindrance(error),
            problem=error.what,
        )
    return measurement(candidate, sample, teacher_entry(candidate.name))


def sample_file(candidate: Candidate, tasks: Tasks, pack: Pack, home: Path) -> Path:
    """Where the sample of a candidate on ``tasks`` is kept."""
    return home / FOLDER / pack.name / f"{candidate.version}-{tasks.version}.json"


@dataclass
class _Measuring:
    """One teacher while it is measured."""

    tasks: Tasks
    verifier: Verifier
    config: PipelineConfig
    home: Path
    run: str
    reached: bool = False
    spent_usd: float = 0.0

    def sample(self, ref: TeacherRef) -> Sample:
        """Ask; raises TeacherError, BudgetError."""
        one_each = override(self.config, {"generation.candidates": 1})
        with teaching(ref, self.verifier, one_each, self.home, self.run) as taught:
            check_forecast(taught, self.verifier, one_each, len(self.tasks.scenarios))
            self.reached = True
            # what runs in this process would only wait for itself, and its latency would be that of the waiting
            concurrency = taught.concurrency if taught.asker else 1
            try:
                attempts = list(
                    in_order(lambda task: self._attempt(taught, *task), self.tasks.items, concurrency, taught.abort)
                )
            finally:
                self.spent_usd = taught.spent_usd
        return Sample(attempts=attempts, spent_usd=self.spent_usd)

    def hindrance(self, error: PipelineError) -> Hindrance:
        """What an error says of the candidate."""
        if isinstance(error, BudgetError):
            return "budget"
        if not isinstance(error, TeacherError):
            return "unmeasured"
        refused = isinstance(error.__cause__, PermanentError)  # a wrong key, an unknown model: it will not come back
        return "unavailable" if refused or not self.reached else "down"

    def _attempt(self, taught: Teaching, scenario: Scenario, bundle: LoreBundle) -> Attempt:
        """One task; called from several threads, each with a count of its own."""
        counting = CountingAsker(taught.asker) if taught.asker else None
        teacher = make_teacher(taught.teacher.ref, self.verifier, counting) if counting else taught.teacher
        return attempt(teacher, self.verifier, self.config.generation, scenario, bundle, counting)
