"""Run one policy stage (SRL or RLVR) to its end, resuming where it was interrupted, and keep the best checkpoint."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PolicyConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.adapters import write_student
from srl_pipeline.training.canary import sampler_gap
from srl_pipeline.training.collector import Collector, Counts
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.prompts import Prompt
from srl_pipeline.training.student import Student
from srl_pipeline.training.tasks import Task
from srl_pipeline.training.trainer import MAX_IDLE, PolicyTrainer

STATE = "stage_state.json"
"""Written last into a checkpoint: a checkpoint without it is incomplete and is not resumed from."""

PROBES = 4
"""Prompts on which KL and canary are measured when the stage ends."""


@dataclass(frozen=True)
class PolicyOutcome:
    """What a policy stage did."""

    adapter: Path
    counts: Counts
    rows: list[dict[str, float]]
    metrics: dict[str, float]
    note: str


class _Keeper(TrainerCallback):
    """Completes checkpoints with our own state, validates, remembers the best adapter."""

    def __init__(self, stage: _Stage) -> None:
        self._stage = stage

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        stage = self._stage
        if stage.out_of_time():
            control.should_training_stop = True
            control.should_save = True
        last = state.global_step >= args.max_steps or control.should_training_stop
        if state.global_step % stage.config.validate_every == 0 or last:
            stage.validate(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._stage.finish_row(state.global_step, logs)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._stage.complete_checkpoint(Path(args.output_dir) / f"checkpoint-{state.global_step}")


class _Stage:
    def __init__(
        self,
        name: str,
        student: Student,
        model: Any,
        task: Task,
        train: Sequence[Prompt],
        validation: Sequence[Prompt],
        config: PolicyConfig,
        work: Path,
        seed: int,
    ) -> None:
        self.config, self.student = config, student
        self.journal = Journal(work, name, config.steps)
        self.collector = Collector(train, task, config, seed)
        self.validation = list(validation)[: config.validation_prompts]
        self.probe_prompts = (list(validation) or list(train))[:PROBES]
        self.checkpoints = work / f"_checkpoints_{name}"
        self.best: dict[str, float] = {}
        self.started = time.monotonic()
        self.trainer = PolicyTrainer(
            student,
            model,
            self.collector,
            config,
            output=self.checkpoints,
            seed=seed % (2**31),
            on_row=self.journal.add,
            callbacks=[_Keeper(self)],
        )

    def run(self) -> None:
        resume = last_complete_checkpoint(self.checkpoints)
        if resume is None:
            shutil.rmtree(self.checkpoints, ignore_errors=True)
            self.journal.resume(0)
            self.checkpoints.mkdir(parents=True)
            self.validate(0)
        else:
            state = json.loads((resume / STATE).read_text(encoding="utf-8"))
            self.collector.counts = Counts(**state["counts"])
            self.collector.productive = set(state["productive"])
            self.best = state["best"]
            self.journal.resume(state["step"])
            if self.collector.counts.idle >= MAX_IDLE:  # it had ended, for want of signal
                self.trainer._load_from_checkpoint(str(resume))
                return
        self.trainer.train(resume_from_checkpoint=str(resume) if resume else None)

    def finish_row(self, step: int, logs: dict[str, float]) -> None:
        if not all(math.isfinite(v) for v in (logs["loss"], logs.get("grad_norm", 0.0))):
            raise TrainingError(
                f"The loss is not a number at step {step}.",
                where=str(self.journal.file),
                mend="Lower the learning rate; the last good checkpoint is kept.",
            )
        row = {"step": float(step), "loss": logs["loss"], "grad_norm": float(logs.get("grad_norm", 0.0))}
        row |= {name: logs[name] for name in ("entropy", "kl", "step_time") if logs.get(name) is not None}
        self.journal.finish(row)

    def validate(self, step: int) -> None:
        """Greedy reward on held-back prompts; the best checkpoint is chosen by it, never by loss.

        Before the first update there is nothing to choose: those are the weights that the stage began with.
        """
        if not self.validation:
            return
        reward, correct = self.collector.greedy_reward(self.trainer.sampler, self.validation)
        self.journal.add({"validation_reward": reward, "validation_correct": correct})
        if step == 0:
            self.best = {"start_reward": reward, "start_correct": correct}
        elif self.collector.counts.updates and reward > self.best.get("reward", float("-inf")):
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
            "counts": self.collector.counts.dump(),
            "productive": sorted(self.collector.productive),
            "best": self.best,
        }
        temporary = folder / f"{STATE}.tmp"
        temporary.write_text(json.dumps(state), encoding="utf-8")  # canonical text would round the best reward
        temporary.rename(folder / STATE)

    def out_of_time(self) -> bool:
        budget = self.config.time_budget_seconds
        return bool(budget) and time.monotonic() - self.started > budget

    def outcome(self, work: Path, name: str) -> PolicyOutcome:
        target = work / name
        shutil.rmtree(target, ignore_errors=True)
        if "step" in self.best:
            shutil.copytree(self.checkpoints / f"best-{int(self.best['step'])}", target)
            self.trainer._load_from_checkpoint(str(target))
        else:
            self.trainer._save(str(target))
        write_student(target, self.student)
        counts, rows = self.collector.counts, self.journal.rows()
        # Fresh samples with a seed of their own: the same figures whether or not the run was interrupted.
        probe = self.collector.sample(self.trainer.sampler, self.probe_prompts, seed=seed_of(name, "probe"))
        groups = [(g.prompt.ids, [c.ids for c in g.completions]) for g in probe]
        metrics = {
            "kl": self.trainer.kl_to_start(groups),
            "canary_gap": sampler_gap(self.trainer, probe),
            "kept_fraction": counts.kept / counts.sampled if counts.sampled else 0.0,
            "updates": float(counts.updates),
            "productive_prompts": float(len(self.collector.productive)),
            "generated_tokens": float(counts.generated_tokens),
            "trained_tokens": float(counts.trained_tokens),
            **{f"validation_{key}": value for key, value in self.best.items()},
        }
        note = "" if counts.updates else "No group carried signal, so no weight was changed."
        return PolicyOutcome(target, counts, rows, metrics, note)


def run_policy_stage(
    name: str,
    student: Student,
    model: Any,
    task: Task,
    train: Sequence[Prompt],
    validation: Sequence[Prompt],
    config: PolicyConfig,
    work: Path,
    seed: int,
) -> PolicyOutcome:
    """Train ``model``'s adapter; the best one lies in ``work/name`` afterwards."""
    if not train:
        raise TrainingError(
            "There are no prompts to train on.",
            where=name,
            mend="Generate more trajectories, or raise rlvr.max_difficulty.",
        )
    stage = _Stage(name, student, model, task, train, validation, config, work, seed)
    stage.run()
    return stage.outcome(work, name)


def last_complete_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was saved to its end."""
    found = [p for p in folder.glob("checkpoint-*") if (p / STATE).is_file()]
    return max(found, key=lambda p: int(p.name.rpartition("-")[2]), default=None)
