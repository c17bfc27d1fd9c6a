from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from srl_pipeline.training.optimization.gae import advantages_and_returns, explained_variance, token_rewards, whiten

LENGTHS = [7, 1, 4]


def ragged(seed: int, lengths: list[int] = LENGTHS) -> tuple[Tensor, Tensor]:
    """Random numbers, also where no token is, and the mask."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.tensor([[1] * n + [0] * (max(lengths) - n) for n in lengths])
    return torch.randn(mask.shape, generator=generator, dtype=torch.float64), mask


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (1.0, 0.95), (0.9, 0.5), (0.99, 0.0)])
def test_an_advantage_is_the_discounted_sum_of_all_later_surprises(gamma: float, lam: float) -> None:
    rewards, mask = ragged(1)
    values, _ = ragged(2)
    advantages, returns = advantages_and_returns(rewards, values, mask, gamma=gamma, lam=lam)
    for row, length in enumerate(LENGTHS):
        r, v = rewards[row].tolist(), [*values[row].tolist()[:length], 0.0]
        surprise = [r[t] + gamma * v[t + 1] - v[t] for t in range(length)]
        expected = [sum((gamma * lam) ** (u - t) * surprise[u] for u in range(t, length)) for t in range(length)]
        assert advantages[row, :length].tolist() == pytest.approx(expected, abs=1e-12)
        assert returns[row, :length].tolist() == pytest.approx([a + b for a, b in zip(expected, v, strict=False)])
        assert not advantages[row, length:].any()


def test_without_discount_the_return_of_every_state_is_the_outcome() -> None:
    _, mask = ragged(1)
    values, _ = ragged(2)
    rewards = token_rewards(torch.tensor([1.0, 0.5, 0.0]), mask, values, None, 0.0)
    _, returns = advantages_and_returns(rewards, values, mask, gamma=1.0, lam=1.0)
    assert [row[:n].tolist() for row, n in zip(returns, LENGTHS, strict=True)] == [
        pytest.approx([outcome] * n, abs=1e-12) for outcome, n in zip([1.0, 0.5, 0.0], LENGTHS, strict=True)
    ]


def test_the_outcome_is_the_reward_of_the_last_token_alone() -> None:
    logps, mask = ragged(1, [3, 1, 2])
    rewards = token_rewards(torch.tensor([1.0, 0.25, -2.0]), mask, logps, None, 0.5)
    assert rewards.tolist() == [[0.0, 0.0, 1.0], [0.25, 0.0, 0.0], [0.0, -2.0, 0.0]]


def test_every_token_pays_for_its_distance_from_the_reference() -> None:
    logps, mask = ragged(1, [3, 2])
    reference, _ = ragged(2, [3, 2])
    rewards = token_rewards(torch.tensor([1.0, 0.0]), mask, logps, reference, 0.5)
    gap = (0.5 * (reference - logps)).tolist()
    assert rewards[0].tolist() == pytest.approx([gap[0][0], gap[0][1], gap[0][2] + 1.0])
    assert rewards[1].tolist() == pytest.approx([gap[1][0], gap[1][1], 0.0])


def test_whitening_gives_the_tokens_of_all_parts_together_mean_0_and_std_1() -> None:
    (one, first), (two, second) = ragged(1), ragged(2, [2, 5])
    found = whiten([one, two], [first, second])
    tokens = np.concatenate([part[mask.bool()].numpy() for part, mask in ((one, first), (two, second))])
    expected = (tokens - tokens.mean()) / tokens.std()
    assert torch.cat([found[0][first.bool()], found[1][second.bool()]]).tolist() == pytest.approx(expected, abs=1e-6)


def test_equal_advantages_are_no_advantage() -> None:
    _, mask = ragged(1)
    (found,) = whiten([torch.full(mask.shape, 0.3, dtype=torch.float64)], [mask])
    assert float(found.abs().max()) < 1e-6


def test_a_perfect_value_function_explains_all_a_constant_one_nothing_and_a_wrong_one_less() -> None:
    returns, mask = ragged(1)
    other, _ = ragged(2)
    assert explained_variance([returns], [returns.float()], [mask]) == pytest.approx(1.0, abs=1e-6)
    assert explained_variance([returns], [torch.ones_like(returns)], [mask]) == pytest.approx(0.0, abs=1e-9)
    r, v = returns[mask.bool()].numpy(), other[mask.bool()].numpy()
    found = explained_variance([returns], [other], [mask])
    assert found == pytest.approx(1 - (r - v).var() / r.var()) and found < 0


def test_where_all_returns_are_equal_nothing_can_be_explained() -> None:
    values, mask = ragged(1)
    assert math.isnan(explained_variance([torch.ones_like(values)], [values], [mask]))
