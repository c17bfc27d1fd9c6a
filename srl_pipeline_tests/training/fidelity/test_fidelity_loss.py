"""The loss of our trainer against the formula written out in float64, and against stock TRL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from trl.trainer.grpo_trainer import GRPOTrainer

from srl_pipeline.training.environment.groups import GroupSignal, paper_signal
from srl_pipeline.training.optimization.arguments import grpo_arguments
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Group
from srl_pipeline.training.students.student import Student

from ..world import adapted, double_copy, load, unfused
from .given import Gradients, Shape, config_for, rollouts, seen_by, train, trainer

SHAPES: list[Shape] = [(17, (5, 1, 9, 3)), (3, (2, 8, 4, 6)), (29, (12, 12, 3, 7))]
CLIP = 0.2


def plain_logps(model: Any, prompt: Sequence[int], completion: Sequence[int], temperature: float) -> Tensor:
    """log p(o_t | q, o_<t) of one completion by an ordinary forward pass."""
    logits = model(input_ids=torch.tensor([[*prompt, *completion]]), use_cache=False).logits[0].double() / temperature
    return torch.stack(
        [torch.log_softmax(logits[len(prompt) + t - 1], -1)[token] for t, token in enumerate(completion)]
    )


def plain_advantages(rewards: Sequence[float]) -> list[float]:
    """(r - mean) / std over one group; population std, TRL's 1e-4 against a zero."""
    mean = sum(rewards) / len(rewards)
    std = math.sqrt(sum((r - mean) ** 2 for r in rewards) / len(rewards))
    return [(r - mean) / (std + 1e-4) for r in rewards]


def plain_grpo(
    model: Any,
    groups: Sequence[Group],
    *,
    temperature: float = 1.0,
    beta: float = 0.0,
    start: Any = None,
    old: Sequence[Tensor] | None = None,
) -> Tensor:
    """The objective as the text writes it, negated: 1/P sum 1/G sum 1/|o| sum min(r A, clip(r, 1-e, 1+e) A) - b KL."""
    total = torch.zeros((), dtype=torch.float64)
    number = 0
    for group in groups:
        advantages = plain_advantages([s.reward for s in group.scores])
        for completion, advantage in zip(group.completions, advantages, strict=True):
            now = plain_logps(model, group.prompt.ids, completion.ids, temperature)
            before = now.detach() if old is None else old[number]
            term = torch.zeros((), dtype=torch.float64)
            for t in range(len(completion.ids)):
                ratio = torch.exp(now[t] - before[t])
                term = term + torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)
            if beta:
                with torch.no_grad():
                    reference = plain_logps(start, group.prompt.ids, completion.ids, temperature)
                term = term - beta * (torch.exp(reference - now) - (reference - now) - 1).sum()
            total = total - term / len(completion.ids) / len(group.completions) / len(groups)
            number += 1
    return total


def with_advantages(groups: Sequence[Group]) -> list[Group]:
    """The groups with the advantages of the code under test."""
    return [replace(g, signal=paper_signal(g.scores, std_epsilon=0.0)) for g in groups]


def gradients_of(loss: Tensor, model: Any) -> Gradients:
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def distance(found: Gradients, expected: Gradients) -> float:
    """Relative to the length of the expected gradient."""
    assert found.keys() == expected.keys()
    a, b = (torch.cat([part[n].double().flatten() for n in expected]) for part in (found, expected))
    assert float(b.norm()) > 1e-4
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(("beta", "temperature"), [(0.0, 1.0), (0.0, 0.7), (0.3, 1.0), (0.3, 1.4)])
@pytest.mark.parametrize("micro", [4, 12])
def test_the_loss_and_its_gradient_are_those_of_the_formula(
    student: Student, tmp_path: Path, beta: float, temperature: float, micro: int
) -> None:
    model = adapted(student, shaken=0.1)
    reference, start = double_copy(model), load(student.folder).model.double()
    groups = with_advantages(rollouts(student, SHAPES))
    config = config_for(SHAPES, kl_beta=beta, temperature=temperature, micro_batch_size=micro)
    seen = train(student, model, groups, config, tmp_path)
    loss = plain_grpo(reference, groups, temperature=temperature, beta=beta, start=start)
    assert distance(seen.gradients[0], gradients_of(loss, reference)) < 1e-5
    assert seen.losses[0] == pytest.approx(float(loss.detach()), abs=1e-5)


def test_without_a_kl_term_the_value_on_fresh_rollouts_is_minus_the_mean_advantage(
    student: Student, tmp_path: Path
) -> None:
    given = [[0.7, -0.1, 0.4, 0.2], [1.0, 0.5, -0.5, 0.3]]
    groups = [
        replace(g, signal=GroupSignal(a, True, 0.0)) for g, a in zip(rollouts(student, SHAPES[:2]), given, strict=True)
    ]
    seen = train(student, adapted(student, shaken=0.1), groups, config_for(SHAPES[:2]), tmp_path)
    assert seen.losses[0] == pytest.approx(-sum(map(sum, given)) / 8, abs=1e-5)


def test_every_completion_counts_alike_whatever_its_length(student: Student, tmp_path: Path) -> None:
    """A mean over all tokens of the batch (DAPO) would weigh the long completion twenty times."""
    model = adapted(student, shaken=0.1)
    reference = double_copy(model)
    shapes: list[Shape] = [(11, (40, 2))]
    [group] = with_advantages(rollouts(student, shapes))
    seen = train(student, model, [group], config_for(shapes), tmp_path)
    parts = [
        -a * plain_logps(reference, group.prompt.ids, c.ids, 1.0).mean()
        for a, c in zip(plain_advantages([s.reward for s in group.scores]), group.completions, strict=True)
    ]
    assert distance(seen.gradients[0], gradients_of(torch.stack(parts).mean(), reference)) < 1e-5


def stock_loss(student: Student, model: Any, groups: Sequence[Group], folder: Path, **changes: Any) -> Tensor:
    """`GRPOTrainer._compute_loss` on the same rollouts: prompts repeated G times, completions padded on the right."""
    config = config_for([(1, (1,) * len(groups[0].completions))] * len(groups), **changes)
    rows = [(g.prompt.ids, c.ids, a) for g in groups for c, a in zip(g.completions, g.signal.advantages, strict=True)]
    stock = GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=grpo_arguments(config, folder, 1, config.rollouts, config.prompts_per_step, student),
        train_dataset=Dataset.from_dict({"prompt": ["-"] * config.prompts_per_step}),
        processing_class=student.tokenizer,
    )
    assert stock.loss_type == "grpo"
    stock.current_gradient_accumulation_steps = 1
    pad = student.tokenizer.pad_token_id
    wide, long = max(len(p) for p, *_ in rows), max(len(c) for _, c, _ in rows)
    inputs: dict[str, Any] = {
        "prompt_ids": torch.tensor([[pad] * (wide - len(p)) + p for p, *_ in rows]),
        "prompt_mask": torch.tensor([[0] * (wide - len(p)) + [1] * len(p) for p, *_ in rows]),
        "completion_ids": torch.tensor([c + [pad] * (long - len(c)) for _, c, _ in rows]),
        "completion_mask": torch.tensor([[1] * len(c) + [0] * (long - len(c)) for _, c, _ in rows]),
        "advantages": torch.tensor([a for *_, a in rows]),
        "num_items_in_batch": torch.tensor(sum(len(c) for _, c, _ in rows)),
    }
    if config.kl_beta:
        stock.beta = config.kl_beta
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        with torch.no_grad(), model.disable_adapter():
            inputs["ref_per_token_logps"], *_ = stock._get_per_token_logps_and_entropies(model, ids, mask, long)
    model.train()
    return stock._compute_loss(model, inputs)


@pytest.mark.parametrize(
    ("shapes", "beta"),
    [
        (SHAPES, 0.0),
        (SHAPES, 0.3),
        ([(200, (48,) * 4), (200, (48, 31, 48, 20))], 0.0),
    ],
    ids=["short", "short, with KL", "prompts of 200, completions of 48"],
)
def test_the_gradient_is_that_of_stock_trl(student: Student, tmp_path: Path, shapes: list[Shape], beta: float) -> None:
    model = adapted(student, shaken=0.1)
    untouched = unfused(model)
    groups = with_advantages(rollouts(student, shapes))
    seen = train(student, model, groups, config_for(shapes, kl_beta=beta), tmp_path / "ours")
    loss = stock_loss(student, untouched, groups, tmp_path / "stock", kl_beta=beta)
    assert distance(seen.gradients[0], gradients_of(loss, untouched)) < 1e-5
    assert seen.losses[0] == pytest.approx(float(loss.detach()), abs=1e-5)


def test_a_second_update_on_the_same_rollouts_clips_the_ratio_alike_on_both_sides(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = adapted(student, shaken=0.1)
    groups = with_advantages(rollouts(student, SHAPES))
    config = config_for(SHAPES, steps=2, learning_rate=2e-2, micro_batch_size=12)
    kept: list[Tensor] = []
    compute = PolicyTrainer._compute_loss

    def from_the_first_policy(self: Any, model: Any, inputs: Any) -> Tensor:
        if not kept:
            with torch.no_grad():
                kept.append(self._policy_logps(model, inputs["groups"], inputs["completion_mask"].shape[1]))
        return compute(self, model, inputs | {"old_per_token_logps": kept[0]})

    monkeypatch.setattr(PolicyTrainer, "_compute_loss", from_the_first_policy)
    seen = train(student, model, groups, config, tmp_path)
    first, second = (double_copy(m) for m in seen.before)
    rows = [(g.prompt.ids, c.ids) for g in groups for c in g.completions]
    with torch.no_grad():
        old = [plain_logps(first, *row, 1.0) for row in rows]
        ratios = torch.cat([torch.exp(plain_logps(second, *row, 1.0) - o) for row, o in zip(rows, old, strict=True)])
    assert float(ratios.min()) < 1 - CLIP and float(ratios.max()) > 1 + CLIP
    loss = plain_grpo(second, groups, old=old)
    assert distance(seen.gradients[1], gradients_of(loss, second)) < 1e-4
    assert seen.losses[1] == pytest.approx(float(loss.detach()), abs=1e-4)


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [
        (1.19, 1.0, True),
        (1.21, 1.0, False),
        (0.5, 1.0, True),
        (0.81, -1.0, True),
        (0.79, -1.0, False),
        (2.0, -1.0, True),
    ],
)
def test_a_token_is_held_only_where_its_ratio_has_left_the_band_in_the_direction_of_its_advantage(
    student: Student, tmp_path: Path, ratio: float, advantage: float, moves: bool
) -> None:
    model = adapted(student, shaken=0.1)
    shapes: list[Shape] = [(6, (1, 1))]
    groups = [replace(g, signal=GroupSignal([advantage, 0.0], True, 0.0)) for g in rollouts(student, shapes)]
    made = trainer(student, model, groups, config_for(shapes), tmp_path)
    made.train()
    assert len(seen_by(made).gradients) == 1
    made.current_gradient_accumulation_steps = 1
    [inputs] = made._micro_batches({"groups": groups})
    with torch.no_grad():
        now = made._policy_logps(model, inputs["groups"], 1)
    loss = made._compute_loss(model, inputs | {"old_per_token_logps": now - math.log(ratio)})
    assert (sum(float(g.abs().sum()) for g in gradients_of(loss, model).values()) > 1e-4) is moves
