"""A tuned model as a teacher: registered, measured against prompting alone, and entered into the selection on a win."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from srl_pipeline.canonical import dumps
from srl_pipeline.clock import now, now_iso
from srl_pipeline.config import PipelineConfig, settings_of_installation
from srl_pipeline.contracts import Json
from srl_pipeline.errors import TuningError
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import Alternative, ArtifactStore, Decision, Decisions, dollars
from srl_pipeline.selection.measure import measure_teachers, sample_file
from srl_pipeline.selection.samples import read_sample
from srl_pipeline.selection.schedule import last_check, tasks_of
from srl_pipeline.selection.tasks import draw_tasks
from srl_pipeline.selection.teachers import incumbent_teacher, named, teacher_candidate
from srl_pipeline.teachers import teacher_entry
from srl_pipeline.teachers.calls.pricing import cost
from srl_pipeline.teachers.catalog import TeacherEntry, register_teacher
from srl_pipeline.tuning.comparison import Comparison, Solved, compare
from srl_pipeline.tuning.dataset import read_examples
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.prompts import with_shots
from srl_pipeline.verification import ScenarioSpace, pin_pack

DATASET = "tuning_dataset"
"""The asset that a job is trained on."""
SETTING = "selection.candidates"
LEAST_TASKS = 3
JOB = "tuning_job"
"""Where the evidence of a decision keeps the job's key."""


@dataclass(frozen=True)
class Candidates:
    """Registers and compares the tuned models of one model type."""

    home: Path
    store: ArtifactStore
    decisions: Decisions
    pack: Pack
    config: PipelineConfig

    def register(self, job: TuningJob) -> str:
        """Enter the tuned model among the teachers, once; returns its name."""
        name = teacher_name(job)
        register_teacher(name, tuned_entry(job), origin=f"tuning job {job.key}")
        return name

    def compare(self, job: TuningJob) -> int:
        """Measure it against prompting alone and record the decision, once; returns its number.

        On a win it is entered into ``selection.candidates`` of the model type, so that the next check measures it
        beside all others. Raises TuningError where either cannot be measured now.
        """
        name = self.pack.name
        for made in self.decisions.decisions(name, kind="tuning"):
            if made.evidence.get(JOB) == job.key:
                return made.id
        found = self._measure(job)
        wins = found.better
        reasons = [found.why]
        settings: dict[str, Json] | None = None
        if wins and SETTING in settings_of_installation():
            reasons.append(f"A person set {SETTING}, which holds over any decision: name {job.teacher} there.")
        elif wins:
            incumbent = incumbent_teacher(self.config, name)
            listed = named([*self.config.selection.candidates, job.tuner.teacher, job.teacher], incumbent)
            settings = {SETTING: listed}
            reasons.append(f"It is now one of those among whom the teacher of {name} is chosen.")
        decision = Decision(
            at=now_iso(),
            model_type=name,
            kind="tuning",
            verdict="change" if settings else "no change",
            subject=job.teacher,
            before=job.tuner.teacher,
            after=job.teacher if settings else job.tuner.teacher,
            reasons=reasons,
            alternatives=_alternatives(job, found),
            evidence={
                JOB: job.key,
                "tuner": job.tuner_name,
                "dataset": job.dataset,
                "tuning_usd": dollars(job.charged or 0),
                "comparison": found.model_dump(mode="json"),
            },
        )
        return self.decisions.record(decision, settings=settings).id

    def _measure(self, job: TuningJob) -> Comparison:
        config, pack = self.config, pin_pack(self.store, self.pack)
        # the tasks of the selection: it need not ask them again
        seed, _ = tasks_of(last_check(self.decisions, "teacher", pack.name), now(), config.selection)
        tasks = draw_tasks(self.store, pack, config, seed)
        known = self._trained_on(job, pack)
        both = [teacher_candidate(name) for name in (job.tuner.teacher, job.teacher)]
        figures = measure_teachers(both, tasks, pack, config, self.home)
        solved: list[list[Solved]] = []
        for candidate in both:
            measured = figures.get(candidate.name)
            sample = read_sample(sample_file(candidate, tasks, pack, self.home))
            if measured is None or measured.hindrance or sample is None:
                why = (measured.problem if measured else candidate.problem) or "nothing was kept of it"
                raise TuningError(
                    f"Teacher {candidate.name} could not be measured: {why}",
                    where=f"tuning job {job.key}, comparison with prompting alone",
                    mend="Mend that and run again: the job is paid for and goes on from here.",
                )
            entry = teacher_entry(candidate.name)
            solved.append(
                [
                    Solved(
                        scenario_id=attempt.scenario_id,
                        accepted=attempt.accepted,
                        usd=dollars(cost(attempt.usage, entry.price, batch=entry.batch)),
                    )
                    for attempt in sample.attempts
                    if attempt.scenario_id not in known
                ]
            )
        if len(solved[0]) < LEAST_TASKS:
            raise TuningError(
                f"Of {len(tasks.scenarios)} tasks {len(solved[0])} are not in the data set; "
                f"a comparison needs {LEAST_TASKS}.",
                where=f"tuning job {job.key}, comparison with prompting alone",
                mend="Raise selection.tasks and run again: the job is paid for and goes on from here.",
            )
        return compare(*solved)

    def _trained_on(self, job: TuningJob, pack: Pack) -> set[str]:
        """Ids of the scenarios of the data set: whoever was trained on one knows its answer."""
        space = ScenarioSpace(pack)
        dataset = self.store.require(DATASET, pack.name, job.dataset)
        axes = {dumps(example.item.axes): example.item.axes for example in read_examples(dataset.path)}
        return {space.scenario(found, where=f"data set {job.dataset}").id for found in axes.values()}


def teacher_name(job: TuningJob) -> str:
    """What the tuned model is called as a teacher."""
    kind = "prompt" if job.tuner.method == "prompt" else "tuned"
    return f"{job.tuner.teacher[:48]}-{kind}-{job.key[-6:]}"


def tuned_entry(job: TuningJob) -> TeacherEntry:
    """The tuned model's entry: the base teacher's, with what tuning changed."""
    tuner, base = job.tuner, job.entry
    if tuner.method == "prompt":
        assert job.shots is not None  # else the bare prompt was best, and the job is closed
        return with_shots(base, job.shots)
    assert tuner.price is not None  # nothing was spent without one
    changed = base.model_dump() | {"model": job.served, "price": tuner.price.tuned, "batch": False}
    if tuner.provider == "gemini":  # a tuned model answers on the cloud's own endpoint, whoever the base teacher was
        changed |= {"project": tuner.project, "region": tuner.region, "api_key_env": None, "endpoint": tuner.endpoint}
    return TeacherEntry.model_validate(changed)


def _alternatives(job: TuningJob, found: Comparison) -> list[Alternative]:
    def one(name: str, accepted: int, usd: float, chosen: bool) -> Alternative:
        figures = {"verified": float(accepted), "tasks": float(found.tasks), "usd": usd}
        return Alternative(
            name=name,
            chosen=chosen,
            why=f"{accepted} of {found.tasks} tasks verified for ${usd:.4f}.",
            figures=figures,
        )

    return [
        one(job.tuner.teacher, found.base_accepted, found.base_usd, not found.better),
        one(job.teacher, found.tuned_accepted, found.tuned_usd, found.better),
    ]
