"""Outcome rewards on the random student: a task that is right or wrong, and stages of each RLVR algorithm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from srl_pipeline.config import RlvrConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score, rlvr_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Explanation
from srl_pipeline.training.optimization.algorithms import policy_collector, policy_trainer
from srl_pipeline.training.optimization.policy_stage import PolicyOutcome, StageJob, run_policy_stage
from srl_pipeline.training.optimization.watch import observers_of
from srl_pipeline.training.rollouts.collector import Batch, Group
from srl_pipeline.training.students.student import Student

from .world import adapted, load, policy_config, prompts, trained


@dataclass
class OutcomeTask:
    """Right is a text with enough vowels; what it lacks in length is a soft violation. Named double of an RLVR task."""

    right: Callable[[str], bool] = lambda text: sum(c in "aeiou" for c in text) >= 5
    titles: Sequence[str] = ()

    def stop(self, text: str) -> bool:
        return text.count("\n") >= 2

    def score(self, prompt: Prompt, text: str) -> Score:
        correct = self.right(text)
        return Score(max(0.0, 1 - 0.01 * len(text)) if correct else 0.0, well_formed=True, correct=correct)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return rlvr_signal(scores)

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        return Explanation([], [], None)


def rlvr_config(algorithm: str, **changes: Any) -> RlvrConfig:
    """Some small steps; ``ppo_`` and ``dpo_`` settings are those of the algorithm's own section."""
    own = {name[4:]: changes.pop(name) for name in list(changes) if name.startswith(f"{algorithm}_")}
    values = policy_config(**({"max_resamples": 9} | changes)).model_dump() | {"max_tokens": 16}
    return RlvrConfig(**values, algorithm=algorithm, **({algorithm: own} if own else {}))  # type: ignore[arg-type]


class Watch(TrainerCallback):
    """Keeps gradients, weights and what was logged, step by step; of the value head too, where there is one."""

    def __init__(self) -> None:
        self.gradients: list[dict[str, Any]] = []
        self.head_gradients: list[dict[str, Any]] = []
        self.heads: list[dict[str, Any]] = []
        self.weights: list[dict[str, Any]] = []
        self.logs: list[dict[str, float]] = []
        self.trainer: Any = None

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self.gradients.append(_gradients(model))
        if hasattr(self.trainer, "value_head"):
            self.head_gradients.append(_gradients(self.trainer.value_head))

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self.weights.append(trained(model))
        if hasattr(self.trainer, "value_head"):
            self.heads.append(trained(self.trainer.value_head))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.logs.append(logs)


def _gradients(module: Any) -> dict[str, Any]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.requires_grad and p.grad is not None}


class Run:
    """A trainer of any algorithm on the random student, with everything that the tests look at."""

    def __init__(self, student: Student, model: Any, folder: Path, config: RlvrConfig, task: Any = None) -> None:
        self.watch, self.batches = Watch(), list[Batch]()
        collector = policy_collector(prompts(student), task or OutcomeTask(), config, seed=5)
        collect: Callable[..., Batch] = collector.collect
        collector.collect = lambda *args: self.batches.append(collect(*args)) or self.batches[-1]  # type: ignore[method-assign]
        self.collector = collector
        self.trainer: Any = policy_trainer(
            student,
            model,
            collector,
            config,
            output=folder,
            seed=1,
            on_batch=lambda *_: None,
            callbacks=[self.watch],
        )
        self.watch.trainer = self.trainer

    @property
    def kept(self) -> list[Group]:
        """Groups of the first batch that are trained on."""
        return self.batches[0].kept

    def train(self) -> Run:
        self.trainer.train()
        return self


def run_outcome_stage(student_folder: Path, work: Path, config: RlvrConfig, task: Any = None) -> PolicyOutcome:
    """A whole RLVR stage from a new adapter."""
    work.mkdir(exist_ok=True)
    student = load(student_folder)
    given, model = prompts(student, 8), adapted(student)
    return run_policy_stage(
        StageJob(
            "rlvr",
            student,
            model,
            task or OutcomeTask(),
            given[:6],
            given[6:],
            config,
            work,
            11,
            observers_of(config),
        )
    )
