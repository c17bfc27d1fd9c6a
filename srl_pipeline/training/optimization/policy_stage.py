"""Run one policy stage (SRL or RLVR) to its end, resuming where it was interrupted, and keep the best checkpoint.

What watches the stage (budgets, probes, coverage, samples for the report) are `observer.Observer` objects.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PolicyConfig
from srl_pipeline.contracts import Gate
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Task
from srl_pipeline.training.interruption import asked_to_end, ending_by_itself
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.optimization.algorithms import policy_collector, policy_trainer
from srl_pipeline.training.optimization.canary import sampler_gap
from srl_pipeline.training.optimization.choice import replaces
from srl_pipeline.training.optimization.observer import Observer, StageView
from srl_pipeline.training.optimization.trainer import MAX_IDLE, Row
from srl_pipeline.training.peers import peers
from srl_pipeline.training.rollouts.collector import Batch, Counts, Group
from srl_pipeline.training.students.student import Student

log = logging.getLogger("srl_pipeline")
STATE = "stage_state.json"
"""Written last into a checkpoint: a checkpoint without it is incomplete and is not resumed from."""

PROBES = 4
"""Prompts on which KL and canary are measured when the stage ends."""

COLUMNS = (
    "entropy",
    "kl",
    "kl_coef",
    "policy_loss",
    "value_loss",
    "explained_variance",
    "clip_fraction",
    "margin",
    "pair_accuracy",
    "step_time",
    "update_seconds",
)
"""Columns of the journal that a trainer logs; each algorithm has some of them."""


@dataclass(frozen=True)
class StageJob:
    """What one policy stage is given.

    Attributes:
        name: srl or rlvr; names files and checkpoints below ``work``.
        model: The student with its trainable weights.
        validation: Held-back prompts; the best checkpoint is chosen on the first of them.
        work: Folder of the artifact; an interrupted job goes on from what it left there.
        observers: What watches the stage.
        saved: Called when ``work`` holds all that another machine needs to go on from.
    """

    name: str
    student: Student
    model: Any
    task: Task
    train: Sequence[Prompt]
    validation: Sequence[Prompt]
    config: PolicyConfig
    work: Path
    seed: int
    observers: Sequence[Observer] = ()
    saved: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class PolicyOutcome:
    """What a policy stage did."""

    adapter: Path
    counts: Counts
    rows: list[dict[str, float]]
    metrics: dict[str, float]
    gates: list[Gate]
    note: str


class _Keeper(TrainerCallback):
    """Completes checkpoints with our own state, validates, remembers the best weights."""

    def __init__(self, stage: _Stage) -> None:
        self._stage = stage

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        stage = self._stage
        last = state.global_step >= args.max_steps or control.should_training_stop
        if state.global_step % stage.job.config.validate_every == 0 or last:
            stage.validate(state.global_step)
        if last:
            return
        if reason := stage.reason_to_stop(state.global_step):
            stage.ended_early(state.global_step, reason)
        # a batch that is half used cannot be resumed
        if reason or (state.global_step % stage.job.config.updates_per_batch == 0 and asked_to_end()):
            control.should_training_stop = control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._stage.finish_row(state.global_step, logs)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._stage.complete_checkpoint(Path(args.output_dir) / f"checkpoint-{state.global_step}")


class _Stage:
    def __init__(self, job: StageJob) -> None:
        self.job, config = job, job.config
        self.journal = Journal(job.work, job.name, 0 if config.token_budget else config.steps)
        self.collector = policy_collector(job.train, job.task, config, job.seed)
        self.validation = list(job.validation)[: config.validation_prompts]
        self.probe_prompts = (list(job.validation) or list(job.train))[:PROBES]
        self.checkpoints = job.work / f"_checkpoints_{job.name}"
        self.best: dict[str, float] = {}
        self.why_ended = ""
        self.trainer = policy_trainer(
            job.student,
            job.model,
            self.collector,
            config,
            output=self.checkpoints,
            seed=job.seed % (2**31),
            on_batch=self.sampled,
            callbacks=[_Keeper(self)],
        )
        self.view = StageView(job.name, config, job.work, self.validation, self.collector, self.trainer)

    def run(self) -> None:
        found = peers().told(str(last_complete_checkpoint(self.checkpoints) or ""))
        resume = Path(found) if found else None  # the first process's: all go on from the same
        if resume is None:
            shutil.rmtree(self.checkpoints, ignore_errors=True)
            self.journal.resume(0)
            self.checkpoints.mkdir(parents=True)
            for observer in self.job.observers:
                observer.begun(self.view)
            self.validate(0)
        else:
            state = json.loads((resume / STATE).read_text(encoding="utf-8"))
            self._check_format(state["computes"])
            self.collector.counts = Counts(**state["counts"])
            self.collector.productive = set(state["productive"])
            self.best, self.why_ended = state["best"], state["why_ended"]
            self.trainer.restore(state["trainer"])
            self.journal.resume(state["step"])
            for observer in self.job.observers:
                observer.resumed(self.view, state["observers"][observer.name])
            if self.why_ended or self.collector.counts.idle >= MAX_IDLE:  # it had come to its end
                self.trainer._load_from_checkpoint(str(resume))
                return
        with ending_by_itself():
            self.trainer.train(resume_from_checkpoint=str(resume) if resume else None)

    def _check_format(self, began_in: str) -> None:
        """A stage that goes on in other numbers would end with weights that neither machine can make again."""
        if began_in != (here := self.job.student.computes):
            raise TrainingError(
                f"{self.job.name} was interrupted on a machine that computes in {began_in}; this one would go on in "
                f"{here}.",
                where=str(self.checkpoints),
                mend="Run it again on a machine like the first: it goes on from the checkpoint. Or move that folder "
                "away: the stage begins anew here. Where machines differ, set device and student.dtype instead of "
                "leaving them to the hardware.",
            )

    def sampled(self, row: Row, batch: Batch) -> None:
        step = self.trainer.state.global_step + 1
        for observer in self.job.observers:
            row = row | observer.sampled(step, batch)
        self.journal.add(row)

    def reason_to_stop(self, step: int) -> str:
        """The first observer's reason, if any has one; in the first process, whose clock counts for all."""
        return peers().told(next((reason for o in self.job.observers if (reason := o.stop(step))), ""))

    def ended_early(self, step: int, reason: str) -> None:
        """Remember why; the checkpoint that is saved now says so to a resumed run."""
        self.why_ended = f"Ended after step {step}: {reason}."
        log.info("%s: %s", self.job.name, self.why_ended)
        if step % self.job.config.validate_every:
            self.validate(step)

    def finish_row(self, step: int, logs: dict[str, float]) -> None:
        if not all(math.isfinite(v) for v in (logs["loss"], logs.get("grad_norm", 0.0))):
            raise TrainingError(
                f"The loss is not a number at step {step}.",
                where=str(self.journal.file),
                mend="Lower the learning rate; the last good checkpoint is kept.",
            )
        row = {"step": float(step), "loss": logs["loss"], "grad_norm": float(logs.get("grad_norm", 0.0))}
        row |= {name: logs[name] for name in COLUMNS if logs.get(name) is not None}
        self.journal.finish(row)

    def validate(self, step: int) -> None:
        """Greedy reward on held-back prompts; the weights that are kept are chosen by it, never by loss.

        The weights that the stage began with are a candidate like any other.
        """
        if not self.validation:
            return
        groups = self.collector.greedy(self.trainer.sampler, self.validation)
        scores = [group.scores[0] for group in groups]
        reward = sum(s.reward for s in scores) / len(scores)
        correct = sum(s.correct for s in scores) / len(scores)
        self.journal.add({"validation_reward": reward, "validation_correct": correct})
        for observer in self.job.observers:
            self.journal.add(observer.validated(step, groups))
        if step == 0:
            self.best = {"start_reward": reward, "start_correct": correct}
        elif not (self.collector.counts.updates and replaces(reward, self.best["reward"], int(self.best["step"]))):
            return
        self.best |= {"reward": reward, "correct": correct, "step": float(step)}
        self._save(self.checkpoints / f"best-{step}")

    def _save(self, folder: Path) -> None:
        temporary = folder.with_name(f"_{folder.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        self.trainer._save(str(temporary))
        temporary.rename(folder)

    def complete_checkpoint(self, folder: Path) -> None:
        state = {
            "step": self.trainer.state.global_step,
            "computes": self.job.student.computes,
            "counts": self.collector.counts.dump(),
            "productive": sorted(self.collector.productive),
            "best": self.best,
            "why_ended": self.why_ended,
            "trainer": self.trainer.own_state(),
            "observers": {o.name: o.state() for o in self.job.observers},
        }
        temporary = folder / f"{STATE}.tmp"
        temporary.write_text(json.dumps(state), encoding="utf-8")  # canonical text would round the best reward
        temporary.rename(folder / STATE)
        # A resumed run goes on from here: an earlier best is not asked for again, and may be a whole model.
        for earlier in self.checkpoints.glob("best-*"):
            if self.best.get("step") != float(earlier.name.removeprefix("best-")):
                shutil.rmtree(earlier)
        self.job.saved()

    def outcome(self) -> PolicyOutcome:
        name = self.job.name
        target = self.job.work / name
        counts, rows = self.collector.counts, self.journal.rows()
        # On the last update's own weights: loading the best ones below would hide a sampler that missed an update.
        rollouts = self._fresh_rollouts()
        gap = sampler_gap(self.trainer, rollouts)
        shutil.rmtree(target, ignore_errors=True)
        if "step" in self.best:
            shutil.copytree(self.checkpoints / f"best-{int(self.best['step'])}", target)
            self.trainer._load_from_checkpoint(str(target))
            if self.best["step"] != rows[-1]["step"]:
                rollouts = self._fresh_rollouts()
        else:
            self.trainer._save(str(target))
        # A batch may carry nothing to learn from although its groups were kept (PPO, before the first reward).
        updates = sum(row.get("grad_norm", 0.0) > 0 for row in rows)
        groups = [(g.prompt.ids, [c.ids for c in g.completions]) for g in rollouts]
        metrics = {
            "kl": self.trainer.kl_to_start(groups),
            "canary_gap": gap,
            "kept_fraction": counts.kept / counts.sampled if counts.sampled else 0.0,
            "updates": float(updates),
            "productive_prompts": float(len(self.collector.productive)),
            "generated_tokens": float(counts.generated_tokens),
            "trained_tokens": float(counts.trained_tokens),
            **{f"validation_{key}": value for key, value in self.best.items()},
        }
        for observer in self.job.observers:
            metrics |= observer.ended(self.view)
        gates = [gate for observer in self.job.observers for gate in observer.gates()]
        note = self.why_ended if updates else "No group carried signal, so no weight was changed."
        if updates and self.best.get("step") == 0:
            note = f"{note} {_passed_on(self.best['start_reward'])}".strip()
        return PolicyOutcome(target, counts, rows, metrics, gates, note)

    def _fresh_rollouts(self) -> list[Group]:
        """With a seed of their own: the same whether or not the run was interrupted."""
        return self.collector.sample(self.trainer.sampler, self.probe_prompts, seed=seed_of(self.job.name, "probe"))


def _passed_on(reward: float) -> str:
    return f"No checkpoint reached the start's validation reward ({reward:.3f}): the start's weights are passed on."


def run_policy_stage(job: StageJob) -> PolicyOutcome:
    """Train the model's policy; the best weights lie in ``work/name`` afterwards."""
    if not job.train:
        raise TrainingError(
            "There are no prompts to train on.",
            where=job.name,
            mend="Generate more trajectories, or raise rlvr.max_difficulty.",
        )
    stage = _Stage(job)
    stage.run()
    return stage.outcome()


def last_complete_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was saved to its end."""
    found = [p for p in folder.glob("checkpoint-*") if (p / STATE).is_file()]
    return max(found, key=lambda p: int(p.name.rpartition("-")[2]), default=None)
