from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from srl_pipeline.training.environment.groups import Score, rlvr_signal
from srl_pipeline.training.optimization.dpo import dpo_margins, pairs_of
from srl_pipeline.training.rollouts.collector import Group
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.students.adapters import with_adapter
from srl_pipeline.training.students.student import Student

from ..outcome import OutcomeTask, Run, rlvr_config
from ..world import LORA, adapted, double_copy, load, plain_logps, shake
from .test_trainer import distance, gradients_of


def group(*earned: tuple[float, bool]) -> Group:
    """A group whose completions are told apart by their only token."""
    scores = [Score(reward, well_formed=True, correct=correct) for reward, correct in earned]
    completions = [Completion([place], "", True, []) for place in range(len(scores))]
    return Group(None, completions, scores, rlvr_signal(scores))  # type: ignore[arg-type]


def pairs(given: Group, most: int) -> list[tuple[int, int]]:
    return [(chosen.ids[0], rejected.ids[0]) for chosen, rejected in pairs_of(given, most)]


def test_the_best_right_episode_is_paired_with_the_worst_wrong_one() -> None:
    given = group((0.2, False), (0.8, True), (0.0, False), (0.9, True))
    assert pairs(given, 1) == [(3, 2)] and pairs(given, 5) == [(3, 2), (1, 0)]


def test_of_equals_the_one_sampled_first_is_taken() -> None:
    assert pairs(group((0.0, False), (1.0, True), (0.0, False), (1.0, True)), 1) == [(1, 0)]


def test_verification_decides_and_never_the_reward() -> None:
    assert pairs(group((0.5, False), (0.0, True)), 1) == [(1, 0)]


def test_there_are_as_many_pairs_as_the_rarer_kind_has_episodes() -> None:
    assert len(pairs(group((1.0, True), (0.9, True), (0.8, True), (0.0, False)), 4)) == 1
    assert pairs(group((1.0, True), (0.9, True)), 4) == []


def test_a_margin_is_what_the_chosen_gained_on_the_reference_beyond_the_rejected() -> None:
    policy, reference = torch.tensor([-3.0, -4.0, -1.0, -9.0]), torch.tensor([-5.0, -4.5, -1.0, -2.0])
    assert dpo_margins(policy, reference, 0.1).tolist() == pytest.approx([0.1 * (2.0 - 0.5), 0.1 * (0.0 + 7.0)])


@pytest.fixture(params=["base", "adapter"])
def begun(request: Any, student: Student, tmp_path: Path) -> tuple[Any, Any]:
    """A policy that has moved, and what it moved away from: the base model, or another stage's adapter."""
    if request.param == "base":
        return adapted(student, shaken=0.1), load(student.folder).model.double()
    first = adapted(load(student.folder), shaken=0.2)
    first.save_pretrained(str(tmp_path / "start"))
    model = with_adapter(student, LORA, tmp_path / "start", seed=1)
    shake(model, 0.2, seed=9)
    return model, double_copy(first)


@pytest.mark.parametrize(("micro", "most"), [(4, 1), (8, 2)])
def test_loss_and_gradient_are_those_of_a_plain_reference(
    student: Student, tmp_path: Path, begun: tuple[Any, Any], micro: int, most: int
) -> None:
    model, start = begun
    policy = double_copy(model)
    config = rlvr_config(
        "dpo", prompts_per_step=4, micro_batch_size=micro, temperature=0.8, dpo_beta=0.3, dpo_pairs=most
    )
    run = Run(student, model, tmp_path / "run", config).train()
    terms: list[Tensor] = []
    for kept in run.kept:
        for chosen, rejected in pairs_of(kept, most):
            (win, base_win), (lose, base_lose) = (
                tuple(plain_logps(m, kept.prompt.ids, c.ids, 1.0)[0].sum() for m in (policy, start))
                for c in (chosen, rejected)
            )
            logit = 0.3 * ((win - base_win.detach()) - (lose - base_lose.detach()))
            terms.append(torch.log1p(torch.exp(-logit)))
    loss = torch.stack(terms).mean()
    row = run.watch.logs[0]
    assert distance(run.watch.gradients[0], gradients_of(loss, policy)) < 1e-3
    assert row["loss"] == pytest.approx(float(loss.detach()), abs=1e-4)
    margins = [-math.log(math.expm1(float(term.detach()))) for term in terms]
    assert row["margin"] == pytest.approx(sum(margins) / len(margins), abs=1e-3) and abs(row["margin"]) > 1e-2
    assert row["pair_accuracy"] == sum(margin > 0 for margin in margins) / len(margins)


def test_the_first_step_of_a_new_adapter_knows_no_preference(student: Student, tmp_path: Path) -> None:
    row = Run(student, adapted(student), tmp_path, rlvr_config("dpo")).train().watch.logs[0]
    assert (row["margin"], row["pair_accuracy"]) == (0.0, 0.0) and row["loss"] == pytest.approx(math.log(2))


def test_only_the_tokens_of_pairs_count_as_trained(student: Student, tmp_path: Path) -> None:
    run = Run(student, adapted(student), tmp_path, rlvr_config("dpo", steps=2)).train()
    used = [c for b in run.batches for g in b.kept for pair in pairs_of(g, 1) for c in pair]
    assert run.collector.counts.trained_tokens == sum(len(c.ids) for c in used)


def test_a_step_without_a_pair_is_no_step(student: Student, tmp_path: Path) -> None:
    config = rlvr_config("dpo", max_resamples=0)
    run = Run(student, adapted(student), tmp_path, config, OutcomeTask(right=lambda _: True)).train()
    assert run.kept == [] and run.watch.logs[0]["loss"] == 0.0 and "margin" not in run.watch.logs[0]
