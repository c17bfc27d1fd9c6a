"""The last batches of a token budget, by hand: prices, sizes, the end."""

from __future__ import annotations

import math

import pytest

from srl_pipeline.training.rollouts.collector import Counts
from srl_pipeline.training.rollouts.token_budget import affordable, next_batch

FULL = 8


def after(prompts: int, price: int) -> Counts:
    """So many prompts sampled, each of so many tokens, half of them trained."""
    return Counts(sampled=prompts, generated_tokens=prompts * price // 2, trained_tokens=prompts * price // 2)


def test_what_is_left_pays_for_prompts_at_the_mean_price_so_far() -> None:
    assert affordable(after(10, 100), 1_500) == 5.0
    assert affordable(after(10, 100), 900) == -1.0


@pytest.mark.parametrize(("counts", "budget"), [(Counts(), 100), (after(10, 100), 0)])
def test_without_a_price_or_a_budget_batches_are_full(counts: Counts, budget: int) -> None:
    assert affordable(counts, budget) == math.inf
    assert next_batch(counts, budget, FULL) == FULL


@pytest.mark.parametrize(
    ("left", "size"),
    [(100, 8), (16, 8), (15, 8), (13, 6), (12, 6), (11, 6), (10, 8), (8, 8), (7, 7), (2, 2), (1.9, 0), (0, 0), (-3, 0)],
)
def test_the_last_batches_are_alike_and_none_is_a_sliver(left: float, size: int) -> None:
    counts = after(10, 100)
    assert next_batch(counts, counts.tokens + round(100 * left), FULL) == size


def test_a_batch_of_one_prompt_is_a_batch() -> None:
    counts = after(1, 100)
    assert [next_batch(counts, 100 + left, 1) for left in (100, 30, 20)] == [1, 1, 0]
