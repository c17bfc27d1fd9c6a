"""The KL controller: the coefficient of the KL term follows a target, in steps that are small and bounded."""

from __future__ import annotations

RAISE, LOWER = 1.5, 0.9


def next_coefficient(coefficient: float, kl: float, *, target: float, least: float, most: float) -> float:
    """The coefficient after a mean KL of ``kl`` nats a token was measured.

    x1.5 above twice the target, x0.9 below half of it, otherwise unchanged; within [least, most]. Steps of a fixed
    size rather than in proportion to the error (Ziegler et al., arXiv 1909.08593, section 2.2): one wild batch cannot
    move it far. A KL that is not a number changes nothing.
    """
    if kl > 2 * target:
        coefficient *= RAISE
    elif kl < target / 2:
        coefficient *= LOWER
    return min(max(coefficient, least), most)
