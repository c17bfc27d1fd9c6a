"""How large the next batch may be where a stage may spend so many tokens. Pure.

Methods are compared at equal budgets (docs/ablation.md), and a batch of whole episodes may be most of one: a stage that
ended with whatever batch crosses its budget spent up to two thirds too much.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srl_pipeline.training.rollouts.collector import Counts

WORTH_A_STEP = 0.25
"""Share of a full batch: with less left the stage ends. A step on one prompt is as long as any other, and mostly noise.
"""


def affordable(counts: Counts, budget: int) -> float:
    """Prompts that the rest of ``budget`` tokens pays for, at the mean price of those so far.

    Without end where there is no budget, or nothing was sampled yet that could tell a price.
    """
    if not budget or not counts.sampled:
        return math.inf
    return (budget - counts.tokens) * counts.sampled / max(1, counts.tokens)


def next_batch(counts: Counts, budget: int, full: int) -> int:
    """Prompts of the next batch, at most ``full``; 0 where what is left is not worth a step.

    The last batches are alike in size, so that none is much smaller than the others.
    """
    left = affordable(counts, budget)
    if left < WORTH_A_STEP * full:
        return 0
    if left >= 2 * full:
        return full
    batches = max(1, math.ceil(left / full - WORTH_A_STEP))
    return min(full, max(1, round(left / batches)))
