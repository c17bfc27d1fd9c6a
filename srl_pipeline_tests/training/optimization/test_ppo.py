from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from srl_pipeline.config import RlvrConfig
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.ppo import PpoTrainer
from srl_pipeline.training.rollouts.collector import Group
from srl_pipeline.training.students.student import Student

from ..outcome import OutcomeTask, Run, rlvr_config
from ..world import adapted, double_copy, equal, load, plain_logps, trained
from .test_trainer import distance


def shake_head(trainer: PpoTrainer) -> None:
    """A head that has something to say, and a loss that its gradient comes from."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in trainer.value_head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)


class Plain:
    """Policy and value function in float64, by ordinary forward passes over one completion at a time."""

    def __init__(self, model: Any, trainer: PpoTrainer) -> None:
        self.model = double_copy(model)
        self.weight, self.bias = (p.detach().double().requires_grad_() for p in trainer.value_head.parameters())

    def take(self, weights: dict[str, Tensor], head: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in weights:
                    parameter.copy_(weights[name])
            self.weight.copy_(head["weight"])
            self.bias.copy_(head["bias"])

    def of(self, prompt: list[int], completion: list[int], temperature: float) -> tuple[Tensor, Tensor]:
        ids = torch.tensor([[*prompt, *completion]])
        states = self.model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states[-1][0]
        values = states[len(prompt) - 1 : -1] @ self.weight + self.bias
        return plain_logps(self.model, prompt, completion, temperature)[0], values

    def gradients(self, loss: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        named = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        found = torch.autograd.grad(loss, [*named.values(), self.weight, self.bias])
        return dict(zip(named, found, strict=False)), {"weight": found[-2], "bias": found[-1]}


Tokens = list[tuple[Tensor, Tensor]]
"""Log-probabilities and values of each completion."""


def answers(plain: Plain, groups: list[Group], config: RlvrConfig) -> Tokens:
    return [plain.of(g.prompt.ids, c.ids, config.temperature) for g in groups for c in g.completions]


def expected_loss(now: Tokens, old: Tokens, groups: list[Group], config: RlvrConfig, start: Any) -> Tensor:
    """PPO as it is written, one completion at a time, advantages by their definition."""
    outcomes = [s.reward for g in groups for s in g.scores]
    pairs = [(g.prompt.ids, c.ids) for g in groups for c in g.completions]
    gamma, lam = config.ppo.gamma, config.ppo.gae_lambda
    advantages: list[np.ndarray] = []
    for (logps, values), outcome, (prompt, ids) in zip(old, outcomes, pairs, strict=True):
        rewards, v = np.zeros(len(ids)), np.append(values.detach().numpy(), 0.0)
        if config.kl_beta:
            reference = plain_logps(start, prompt, ids, config.temperature)[0]
            rewards -= config.kl_beta * (logps - reference).detach().numpy()
        rewards[-1] += outcome
        delta = rewards + gamma * v[1:] - v[:-1]
        n = len(ids)
        advantages.append(np.array([sum((gamma * lam) ** (u - t) * delta[u] for u in range(t, n)) for t in range(n)]))
    every = np.concatenate(advantages)
    mean, std = (every.mean(), every.std()) if config.ppo.whiten else (0.0, 1.0)
    terms: list[Tensor] = []
    for (logps, values), (before, guessed), found in zip(now, old, advantages, strict=True):
        ratio, advantage = torch.exp(logps - before.detach()), torch.tensor((found - mean) / std)
        clipped = ratio.clamp(1 - config.clip_epsilon, 1 + config.clip_epsilon)
        guessed = guessed.detach()
        returns = torch.tensor(found) + guessed
        near = guessed + (values - guessed).clamp(-config.ppo.value_clip, config.ppo.value_clip)
        near = near if config.ppo.value_clip else values
        value_loss = 0.5 * torch.maximum((values - returns) ** 2, (near - returns) ** 2)
        terms.append(-torch.minimum(ratio * advantage, clipped * advantage) + config.ppo.value_coef * value_loss)
    return torch.cat(terms).mean()


@pytest.mark.chain
@pytest.mark.parametrize(
    ("micro", "changes"),
    [
        (4, {}),
        (8, {"kl_beta": 0.2, "ppo_gae_lambda": 0.9, "ppo_gamma": 0.97}),
        (16, {"kl_beta": 0.2, "ppo_whiten": False, "ppo_value_clip": 0.0, "ppo_value_coef": 0.7}),
    ],
)
def test_loss_and_gradient_of_both_steps_on_a_batch_are_those_of_a_plain_reference(
    student: Student, tmp_path: Path, micro: int, changes: dict[str, Any]
) -> None:
    settings: dict[str, Any] = {"ppo_value_clip": 0.02, "ppo_value_learning_rate": 1e-2} | changes
    config = rlvr_config("ppo", steps=2, prompts_per_step=4, micro_batch_size=micro, temperature=0.8, **settings)
    model, start = adapted(student, shaken=0.1), load(student.folder).model.double()
    run = Run(student, model, tmp_path, config)
    shake_head(run.trainer)
    plain = Plain(model, run.trainer)
    watch = run.train().watch
    old = now = answers(plain, run.kept, config)
    for step in range(2):
        loss = expected_loss(now, old, run.kept, config, start)
        policy, head = plain.gradients(loss)
        assert watch.logs[step]["loss"] == pytest.approx(float(loss.detach()), abs=1e-4)
        assert distance(watch.gradients[step], policy) < 1e-3
        assert distance(watch.head_gradients[step], head) < 1e-3
        plain.take(watch.weights[step], watch.heads[step])
        now = answers(plain, run.kept, config)
    assert len(run.batches) == 1 and watch.logs[0]["clip_fraction"] == 0 < watch.logs[1]["clip_fraction"] < 1


def test_the_row_of_a_step_says_how_its_loss_came_about(student: Student, tmp_path: Path) -> None:
    config = rlvr_config("ppo", steps=2, micro_batch_size=4, kl_beta=0.1, ppo_value_coef=0.3)
    run = Run(student, adapted(student, shaken=0.1), tmp_path, config).train()
    first, second = run.watch.logs
    for row in (first, second):
        assert row["loss"] == pytest.approx(row["policy_loss"] + 0.3 * row["value_loss"], abs=1e-5)
        assert row["kl"] > 0 and row["entropy"] > 0
    assert first["policy_loss"] == pytest.approx(0.0, abs=1e-5)  # the ratio is one, the advantages are whitened
    assert first["value_loss"] > 0 and first["kl_coef"] == 0.1
    assert not {"kl_coef", "explained_variance"} & second.keys()  # those belong to the batch


def all_earn(reward: float) -> OutcomeTask:
    """Every episode earns the same."""

    class Fixed(OutcomeTask):
        def score(self, prompt: Prompt, text: str) -> Score:
            return Score(reward, well_formed=True, correct=reward > 0)

    return Fixed()


def test_the_value_function_learns_what_all_episodes_earn(student: Student, tmp_path: Path) -> None:
    """Measured: 0.245, then 0.118 on the first batch that it has not seen, 0.041 at the end."""
    config = rlvr_config(
        "ppo",
        steps=25,
        prompts_per_step=4,
        micro_batch_size=16,
        learning_rate=1e-4,
        ppo_updates_per_batch=5,
        ppo_value_learning_rate=5e-3,
        ppo_value_clip=0.0,
        ppo_whiten=False,
    )
    run = Run(student, adapted(student), tmp_path, config, all_earn(0.7)).train()
    losses = [row["value_loss"] for row in run.watch.logs]
    assert losses[0] == pytest.approx(0.5 * 0.7**2, abs=1e-6)
    assert losses[5] < losses[0] / 1.5 and losses[-1] < losses[0] / 3


def test_where_no_episode_ever_earned_anything_there_is_nothing_to_learn(student: Student, tmp_path: Path) -> None:
    model = adapted(student, shaken=0.1)
    before = trained(model)
    run = Run(student, model, tmp_path, rlvr_config("ppo", steps=2), all_earn(0.0)).train()
    assert equal(trained(model), before) and not any(p.any() for p in run.trainer.value_head.parameters())


def test_the_value_head_has_a_learning_rate_of_its_own_and_is_clipped_apart(student: Student, tmp_path: Path) -> None:
    config = rlvr_config("ppo", learning_rate=1e-3, ppo_value_learning_rate=0.25, max_grad_norm=1e-2)
    run = Run(student, adapted(student, shaken=0.1), tmp_path, config)
    shake_head(run.trainer)
    run.train()
    *policy, head = run.trainer.optimizer.param_groups
    assert ({g["lr"] for g in policy}, head["lr"], len(head["params"])) == ({1e-3}, 0.25, 2)
    for part in (run.watch.gradients[0], run.watch.head_gradients[0]):
        assert float(torch.cat([g.flatten() for g in part.values()]).norm()) == pytest.approx(1e-2, rel=1e-2)


@pytest.mark.parametrize(("filtered", "kept"), [(False, {True, False}), (True, {True})])
def test_groups_that_are_all_right_or_all_wrong_are_dropped_only_on_request(
    student: Student, tmp_path: Path, filtered: bool, kept: set[bool]
) -> None:
    config = rlvr_config("ppo", prompts_per_step=6, max_resamples=2, ppo_group_filter=filtered)
    task = OutcomeTask(right=lambda text: sum(c in "aeiou" for c in text) >= 7)  # rarer
    run = Run(student, adapted(student), tmp_path, config, task).train()
    assert {len({s.correct for s in g.scores}) == 2 for g in run.kept} == kept


def test_tokens_count_as_trained_as_often_as_they_are(student: Student, tmp_path: Path) -> None:
    run = Run(student, adapted(student), tmp_path, rlvr_config("ppo", steps=5, ppo_updates_per_batch=2)).train()
    tokens = [sum(len(c.ids) for g in batch.kept for c in g.completions) for batch in run.batches]
    assert len(tokens) == 3 and run.collector.counts.trained_tokens == 2 * tokens[0] + 2 * tokens[1] + tokens[2]
