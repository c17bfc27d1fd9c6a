"""One policy stage on the random student, as a test or a child process runs it.

As a script: ``python -m srl_pipeline_tests.training.stage STUDENT WORK STEP [HOW]``; it kills itself while the
checkpoint of STEP is half written (0: never). HOW ``term``: the first process is asked to end in the middle of STEP
instead. One of several processes works in a folder of its own below WORK.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.interruption import listen
from srl_pipeline.training.optimization import policy_stage
from srl_pipeline.training.optimization.observer import Observer
from srl_pipeline.training.optimization.policy_stage import PolicyOutcome, StageJob, run_policy_stage
from srl_pipeline.training.optimization.watch import observers_of
from srl_pipeline.training.peers import join_peers, peers
from srl_pipeline.training.rollouts.collector import NO_SIGNAL, Collector, Group
from srl_pipeline.training.rollouts.sampling import Completion, Sampler
from srl_pipeline.training.students.student import Student

from .world import LetterTask, adapted, load, policy_config, prompts

STEPS = 4


def run_stage(
    student_folder: Path,
    work: Path,
    task: Any = None,
    *,
    model_of: Callable[[Student], Any] = adapted,
    observers: Sequence[Observer] | None = None,
    **changes: Any,
) -> PolicyOutcome:
    """A stage of four steps with two micro-batches each; the same weights whenever nothing interrupts it.

    ``observers`` take the place of those that the configuration asks for.
    """
    work.mkdir(exist_ok=True)
    student = load(student_folder)
    given = prompts(student, 8)
    config = policy_config(**({"steps": STEPS, "max_grad_norm": 1.0} | changes))
    model = model_of(student)
    given_task = task or LetterTask()
    watching = observers_of(config) if observers is None else observers
    return run_policy_stage(
        StageJob("srl", student, model, given_task, given[:6], given[6:], config, work, 11, watching)
    )


def die_at(step: int) -> None:
    """From now on, the checkpoint of ``step`` is never completed: the process is gone."""
    complete = policy_stage._Stage.complete_checkpoint

    def dying(self: Any, folder: Path) -> None:
        if self.trainer.state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        complete(self, folder)

    policy_stage._Stage.complete_checkpoint = dying  # type: ignore[method-assign]


def ask_to_end_in(step: int) -> None:
    """SIGTERM comes while the batch of ``step`` is sampled."""
    collect = Collector.collect

    def asking(self: Any, sampler: Sampler, done: int) -> Any:
        if done + 1 == step and peers().first:
            os.kill(os.getpid(), signal.SIGTERM)
        return collect(self, sampler, done)

    Collector.collect = asking  # type: ignore[method-assign]


def policy_of(model: Any) -> dict[str, torch.Tensor]:
    """A copy of the policy's adapter weights."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if ".default." in name}


def scripted_validation(monkeypatch: pytest.MonkeyPatch, rewards: list[float]) -> list[dict[str, torch.Tensor]]:
    """Validation gives these rewards in turn; returns the policy's adapter at each."""
    seen: list[dict[str, torch.Tensor]] = []

    def greedy(self: Any, sampler: Sampler, prompts: Any) -> list[Group]:
        seen.append(policy_of(sampler._model))
        score = Score(rewards[len(seen) - 1], well_formed=True, correct=False)
        return [Group(prompts[0], [Completion([], "", True, [])], [score], NO_SIGNAL)]

    monkeypatch.setattr(Collector, "greedy", greedy)
    return seen


if __name__ == "__main__":
    torch.set_num_threads(1)  # as the tests have it
    listen()
    (ask_to_end_in if "term" in sys.argv[4:] else die_at)(int(sys.argv[3]))
    me = join_peers()
    run_stage(Path(sys.argv[1]), Path(sys.argv[2]) / (str(me.rank) if me.count > 1 else ""))
