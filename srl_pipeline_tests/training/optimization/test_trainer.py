from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from srl_pipeline.config import PolicyConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.kernels.shared_prefix import TokenGroup
from srl_pipeline.training.optimization import trainer as trainer_module
from srl_pipeline.training.optimization.canary import sampler_gap
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Batch, Collector, Group
from srl_pipeline.training.students.adapters import START, with_adapter
from srl_pipeline.training.students.student import Student

from ..world import (
    LORA,
    SCENARIO,
    LetterTask,
    adapted,
    double_copy,
    equal,
    load,
    plain_logps,
    policy_config,
    prompts,
    shake,
    trained,
)

Gradients = dict[str, torch.Tensor]


class Watch(TrainerCallback):
    """Keeps the gradients and, after each step, the weights."""

    def __init__(self) -> None:
        self.gradients: list[Gradients] = []
        self.weights: list[dict[str, torch.Tensor]] = []
        self.losses: list[float] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self.gradients.append(
            {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad and p.grad is not None}
        )

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self.weights.append(trained(model))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


class Run:
    """A trainer on the random student, with everything that the tests look at."""

    def __init__(self, student: Student, model: Any, folder: Path, config: PolicyConfig, task: Any = None) -> None:
        self.watch, self.rows, self.batches = Watch(), list[dict[str, float]](), list[Batch]()
        self.collector = Collector(prompts(student), task or LetterTask(), config, seed=5)
        collect: Callable[..., Batch] = self.collector.collect
        self.collector.collect = lambda *args: self.batches.append(collect(*args)) or self.batches[-1]  # type: ignore[method-assign]
        self.trainer = PolicyTrainer(
            student,
            model,
            self.collector,
            config,
            output=folder,
            seed=1,
            on_batch=lambda row, _: self.rows.append(row),
            callbacks=[self.watch],
        )

    def train(self) -> Run:
        self.trainer.train()
        return self


def expected_loss(model: Any, groups: list[Group], config: PolicyConfig, start: Any = None) -> torch.Tensor:
    """GRPO as the paper writes it, one completion at a time, advantages from the rewards.

    Mean over groups and rollouts of the per-sequence mean of -min(r A, clip(r) A) + beta k3, with the plain gradient
    of k3.
    """
    terms: list[torch.Tensor] = []
    for group in groups:
        rewards = np.array([s.reward for s in group.scores], dtype=np.float64)
        advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
        for completion, advantage in zip(group.completions, advantages, strict=True):
            logps, _ = plain_logps(model, group.prompt.ids, completion.ids, config.temperature)
            ratio = torch.exp(logps - logps.detach())
            clipped = ratio.clamp(1 - config.clip_epsilon, 1 + config.clip_epsilon)
            loss = -torch.minimum(ratio * advantage, clipped * advantage)
            if config.kl_beta:
                with torch.no_grad():
                    reference, _ = plain_logps(start, group.prompt.ids, completion.ids, config.temperature)
                gap = reference - logps
                loss = loss + config.kl_beta * (gap.exp() - gap - 1)
            terms.append(loss.mean())
    return torch.stack(terms).mean()


def gradients_of(loss: torch.Tensor, model: Any) -> Gradients:
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def distance(found: Gradients, expected: Gradients) -> float:
    """Relative to the length of the expected gradient."""
    assert found.keys() == expected.keys()
    a, b = (torch.cat([part[n].double().flatten() for n in expected]) for part in (found, expected))
    assert float(b.norm()) > 1e-4
    return float((a - b).norm() / b.norm())


def odd(prompt: Any) -> bool:
    return int(prompt.key[1:]) % 2 == 1


def test_every_hook_is_really_called_by_trl(student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def spy(name: str) -> None:
        original = getattr(PolicyTrainer, name)

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return original(self, *args, **kwargs)

        monkeypatch.setattr(PolicyTrainer, name, counted)

    for hook in ("_prepare_inputs", "_generate_and_score_completions", "_get_per_token_logps_and_entropies"):
        spy(hook)
    monkeypatch.setattr(trainer_module, "_scored_by_the_task", lambda **_: calls.update(["rewards"]) or [0.0] * 4)
    config = policy_config(steps=2, prompts_per_step=3)
    Run(student, adapted(student), tmp_path, config).train()
    assert calls == {
        "_prepare_inputs": 6,
        "_generate_and_score_completions": 2,
        "_get_per_token_logps_and_entropies": 6,
    }


def test_rewards_asked_for_by_trl_itself_are_an_error() -> None:
    with pytest.raises(TrainingError, match="pinned TRL version"):
        trainer_module._scored_by_the_task(completions=[])


@pytest.mark.parametrize(("prompts_per_step", "micro"), [(3, 4), (4, 8), (3, 8)])
def test_the_gradient_of_a_step_is_that_of_a_plain_reference(
    student: Student, tmp_path: Path, prompts_per_step: int, micro: int
) -> None:
    model = adapted(student, shaken=0.1)
    reference = double_copy(model)
    config = policy_config(prompts_per_step=prompts_per_step, micro_batch_size=micro, temperature=0.8, max_resamples=9)
    run = Run(student, model, tmp_path, config).train()
    loss = expected_loss(reference, run.batches[0].kept, config)
    assert len({len(c.ids) for g in run.batches[0].kept for c in g.completions}) > 1
    assert distance(run.watch.gradients[0], gradients_of(loss, reference)) < 1e-4
    assert run.watch.losses[0] == pytest.approx(float(loss.detach()), abs=1e-4)


@pytest.mark.parametrize(("micro", "beta"), [(4, 0.0), (8, 0.0), (4, 0.5), (16, 0.5)])
def test_with_fewer_kept_groups_the_gradient_is_the_mean_over_those_kept(
    student: Student, tmp_path: Path, micro: int, beta: float
) -> None:
    model = adapted(student, shaken=0.1)
    reference, start = double_copy(model), load(student.folder).model.double()
    config = policy_config(prompts_per_step=4, micro_batch_size=micro, max_resamples=0, kl_beta=beta)
    run = Run(student, model, tmp_path, config, LetterTask(keep=odd)).train()
    assert 0 < len(run.batches[0].kept) < 4
    loss = expected_loss(reference, run.batches[0].kept, config, start)
    assert distance(run.watch.gradients[0], gradients_of(loss, reference)) < 1e-4


@pytest.mark.parametrize("micro", [4, 8, 16])
def test_whole_trajectories_with_nested_prompts_give_the_gradient_of_their_steps(
    student: Student, tmp_path: Path, micro: int
) -> None:
    model = adapted(student, shaken=0.1)
    reference = double_copy(model)
    config = policy_config(prompts_per_step=4, micro_batch_size=micro, draw="trajectories", max_resamples=0)
    run = Run(student, model, tmp_path, config)
    run.collector = Collector(trajectories(student), LetterTask(), config, seed=5)
    run.trainer._collector = run.collector
    collected: list[Batch] = []
    collect: Callable[..., Batch] = run.collector.collect
    run.collector.collect = lambda *args: collected.append(collect(*args)) or collected[-1]  # type: ignore[method-assign]
    run.train()
    kept = collected[0].kept
    assert len(collected[0].sampled) == 6 and len(kept) > 4  # two trajectories of three steps
    assert distance(run.watch.gradients[0], gradients_of(expected_loss(reference, kept, config), reference)) < 1e-4


def trajectories(student: Student, count: int = 3) -> list[Prompt]:
    """Three prompts a trajectory, each the beginning of the next."""
    whole = [p.ids * 3 for p in prompts(student, count)]
    return [
        Prompt(f"p{i}:{k}", ids[: len(ids) * (k + 1) // 3], SCENARIO, k, [], [], f"p{i}")
        for i, ids in enumerate(whole)
        for k in range(3)
    ]


def test_the_reported_loss_is_the_mean_over_the_kept_groups(student: Student, tmp_path: Path) -> None:
    given = [0.7, -0.1, 0.4, 0.2]
    config = policy_config(prompts_per_step=4, max_resamples=0)
    run = Run(student, adapted(student), tmp_path, config, LetterTask(odd, lambda: given)).train()
    assert 0 < len(run.batches[0].kept) < 4
    assert run.watch.losses[0] == pytest.approx(-sum(given) / 4, abs=1e-4)  # the ratio is one


def test_only_adapter_weights_are_trained(student: Student, tmp_path: Path) -> None:
    model = adapted(student)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    Run(student, model, tmp_path, policy_config(max_resamples=9)).train()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed and all("lora_" in name for name in changed)


def test_a_first_step_without_any_signal_changes_no_weight(student: Student, tmp_path: Path) -> None:
    model = adapted(student, shaken=0.1)
    before = trained(model)
    run = Run(student, model, tmp_path, policy_config(), LetterTask(keep=lambda _: False)).train()
    assert run.batches[0].kept == [] and equal(trained(model), before)


def test_a_later_step_without_any_signal_changes_no_weight_either(student: Student, tmp_path: Path) -> None:
    signal = {1: True, 2: False, 3: True}
    run: Run
    task = LetterTask(keep=lambda _: signal[run.trainer.state.global_step + 1])
    run = Run(student, adapted(student, shaken=0.1), tmp_path, policy_config(steps=3), task)
    run.train()
    first, second, third = run.watch.weights
    assert [len(b.kept) > 0 for b in run.batches] == [True, False, True]
    assert equal(first, second) and not equal(second, third)


def test_a_stage_ends_after_several_steps_without_any_signal(student: Student, tmp_path: Path) -> None:
    run = Run(student, adapted(student), tmp_path, policy_config(steps=20), LetterTask(keep=lambda _: False)).train()
    assert run.trainer.state.global_step == trainer_module.MAX_IDLE


def test_the_canary_is_silent_for_fresh_rollouts_and_cries_for_those_of_older_weights(
    student: Student, tmp_path: Path
) -> None:
    model = adapted(student)
    run = Run(student, model, tmp_path, policy_config(steps=2, learning_rate=0.1, max_resamples=9)).train()
    fresh = run.collector.sample(run.trainer.sampler, prompts(student), seed=3)
    assert sampler_gap(run.trainer, fresh) < 1e-4
    assert sampler_gap(run.trainer, run.batches[0].sampled) > 1e-2


def test_every_batch_is_sampled_from_the_weights_that_the_last_update_left(student: Student, tmp_path: Path) -> None:
    """In bfloat16, where sampling works with rounded copies of the adapters."""
    low = load(student.folder, "bfloat16")
    run = Run(low, adapted(low), tmp_path, policy_config(steps=3, learning_rate=0.1, max_resamples=9))
    gaps: list[float] = []
    collect: Callable[..., Batch] = run.collector.collect

    def watched(*args: Any) -> Batch:
        batch = collect(*args)
        gaps.append(sampler_gap(run.trainer, batch.sampled))
        return batch

    run.collector.collect = watched  # type: ignore[method-assign]
    run.train()
    assert len(gaps) == 3 and max(gaps) < 0.05
    assert sampler_gap(run.trainer, run.batches[0].sampled) > 0.1


def some_groups(student: Student) -> list[TokenGroup]:
    return [(p.ids, [[5, 9, 11], [8, 8, 30, 31, 12]]) for p in prompts(student, 3)]


def test_an_untrained_adapter_has_no_divergence_from_the_start(student: Student, tmp_path: Path) -> None:
    run = Run(student, adapted(student), tmp_path, policy_config())
    assert run.trainer.kl_to_start(some_groups(student)) == 0.0


def test_a_changed_adapter_diverges_by_the_k3_estimate(student: Student, tmp_path: Path) -> None:
    model, base = adapted(student, shaken=0.1), load(student.folder).model.double()
    groups, run = some_groups(student), Run(student, model, tmp_path, policy_config())
    gaps = [plain_logps(base, p, c, 1.0)[0] - plain_logps(model, p, c, 1.0)[0].double() for p, cs in groups for c in cs]
    gap = torch.cat(gaps).detach()
    found = run.trainer.kl_to_start(groups)
    assert found == pytest.approx(float((gap.exp() - gap - 1).mean()), rel=1e-3) and found > 1e-3


@pytest.fixture
def started(student: Student, tmp_path: Path) -> Any:
    """A policy that begins with a saved adapter, which stays beside it as the frozen start."""
    first = adapted(load(student.folder), shaken=0.2)
    first.save_pretrained(str(tmp_path / "start"))
    return with_adapter(student, LORA, tmp_path / "start", seed=1)


def test_the_copy_of_a_start_has_no_divergence_from_it_and_a_changed_one_has(
    student: Student, tmp_path: Path, started: Any
) -> None:
    run = Run(student, started, tmp_path, policy_config())
    assert run.trainer.kl_to_start(some_groups(student)) == 0.0
    shake(started, 0.2, seed=9)
    assert run.trainer.kl_to_start(some_groups(student)) > 1e-3


def test_measuring_the_start_leaves_the_policy_active_and_alone_trainable(
    student: Student, tmp_path: Path, started: Any
) -> None:
    run = Run(student, started, tmp_path, policy_config())
    names = {n for n, p in started.named_parameters() if p.requires_grad}
    run.trainer.reference_logps(some_groups(student)[:1], 5)
    assert {n for n, p in started.named_parameters() if p.requires_grad} == names
    assert names and all(".default." in n for n in names) and started.active_adapter == "default"


def test_training_with_a_divergence_term_leaves_the_frozen_start_alone(
    student: Student, tmp_path: Path, started: Any
) -> None:
    frozen = {n: p.detach().clone() for n, p in started.named_parameters() if f".{START}." in n}
    policy = trained(started)
    Run(student, started, tmp_path, policy_config(steps=2, kl_beta=0.1, max_resamples=9)).train()
    assert frozen and equal({n: p.detach() for n, p in started.named_parameters() if n in frozen}, frozen)
    assert not equal(trained(started), policy)


def test_a_row_says_what_was_sampled(student: Student, tmp_path: Path) -> None:
    run = Run(student, adapted(student), tmp_path, policy_config(max_resamples=0), LetterTask(keep=odd)).train()
    (row,), batch = run.rows, run.batches[0]
    scores = [s.reward for g in batch.sampled for s in g.scores]
    assert row["reward"] == row["reward_vowels"] == pytest.approx(sum(scores) / len(scores))
    assert row["kept_fraction"] == len(batch.kept) / len(batch.sampled)
    assert row["group_std"] == pytest.approx(np.mean([g.signal.std for g in batch.sampled]))
    assert (row["step"], row["format_rate"], row["correct"], row["attempts"]) == (1.0, 1.0, 0.0, 1.0)
