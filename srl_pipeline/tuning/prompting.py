"""The life of a job of method `prompt`: solved tasks are chosen for the teacher's prompt; no vendor tunes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import LoreBundle, Scenario, Trajectory
from srl_pipeline.generation.tables import read_trajectories
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, StoredArtifact, nanos
from srl_pipeline.teachers import teacher_ref
from srl_pipeline.tuning.candidates import Candidates, teacher_name
from srl_pipeline.tuning.dataset import read_card, read_examples
from srl_pipeline.tuning.jobs import TuningJob, TuningJobs
from srl_pipeline.tuning.lifecycle import GIVEN_UP
from srl_pipeline.tuning.prompts import PromptSearch, optimise_prompt
from srl_pipeline.tuning.records import JobState, Split
from srl_pipeline.verification import Verifier


@dataclass(frozen=True)
class PromptLifecycle:
    """What the steps of such a job need. The ledger's holds are those of the calls.

    Attributes:
        pack: As it was pinned when the data set was made.
    """

    home: Path
    store: ArtifactStore
    pack: Pack
    config: PipelineConfig
    jobs: TuningJobs
    dataset: StoredArtifact
    candidates: Candidates

    def step(self, job: TuningJob) -> TuningJob:
        """Take the next step; returns the job as it is then. Raises TeacherError, BudgetError and TuningError."""
        if job.phase == "planned":
            return self._search(job)
        if job.phase == "settled":
            return self._put(job, phase="registered", teacher=self.candidates.register(job))
        return self._put(job, phase="compared", decision=self.candidates.compare(job))

    def cancel(self, job: TuningJob) -> TuningJob:
        """Give a search up; what its calls cost is paid already."""
        return job if job.over else self._put(job, phase="closed", given_up=True, problem=GIVEN_UP)

    def _search(self, job: TuningJob) -> TuningJob:
        search = prompt_search(self.store, self.dataset, job)
        found = optimise_prompt(search, Verifier(self.pack), self.config, self.home, job.key)
        state = JobState(state="succeeded", model=job.spec.model, note=found.why)
        charged = nanos(found.spent_usd)
        if found.shots is None:
            return self._put(job, phase="closed", state=state, charged=charged, problem=found.why)
        return self._put(job, phase="settled", state=state, charged=charged, shots=found.shots, problem="")

    def _put(self, job: TuningJob, /, **changes: object) -> TuningJob:
        return self.jobs.put(job.model_copy(update={"problem": "", **changes, "updated_at": now_iso()}))


def prompt_search(store: ArtifactStore, dataset: StoredArtifact, job: TuningJob) -> PromptSearch:
    """What is searched: solutions of the train split to show, scenarios of the validation split to ask."""
    source = store.require("trajectories", job.model_type, dataset.manifest.inputs["trajectories"])
    splits: dict[str, Split] = {example.trajectory: example.split for example in read_examples(dataset.path)}
    cleaned = {finding.trajectory for finding in read_card(dataset.path).cleaned}
    kept = [t for t in read_trajectories(source.path) if t.id in splits]
    return PromptSearch(
        base=teacher_ref(job.tuner.teacher),
        name=teacher_name(job),
        # a solution is shown whole: one of which anything had to be cleaned is not
        candidates=[t for t in kept if splits[t.id] == "train" and t.id not in cleaned],
        validation=_scenarios([t for t in kept if splits[t.id] == "validation"]),
        shots=job.tuner.shots,
        trials=job.tuner.trials,
        seed=job.spec.seed,
    )


def _scenarios(trajectories: Sequence[Trajectory]) -> list[tuple[Scenario, LoreBundle]]:
    """Each scenario once, in the order of their ids."""
    found = {t.scenario.id: (t.scenario, t.bundle) for t in trajectories}
    return [found[scenario] for scenario in sorted(found)]
