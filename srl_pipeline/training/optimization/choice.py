"""Which weights a stage leaves: those with the best validation reward, its own start among them. Pure."""

from __future__ import annotations


def replaces(reward: float, best: float, best_step: int) -> bool:
    """Whether weights with this validation reward take the place of the best ones so far.

    Trained weights beat the stage's start (``best_step`` 0) when they are no worse, and each other when they are
    better: a stage that makes itself worse passes its start on, one that only ties keeps what it learned.
    """
    return reward >= best if best_step == 0 else reward > best
