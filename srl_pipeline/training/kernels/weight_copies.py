"""Copies of weights in another form (rounded, packed) that decoding works with, and how long they are true.

A copy of a weight that is trained lives as long as one sampling call and no longer. PyTorch's version counters cannot
tell when it has aged: the fused optimizers, the default of the trainers, change weights without counting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class HoldsCopies:
    """A layer's forward that may work with copies of its weights while `holding` is true."""

    holding = False

    def release(self) -> None:
        """Forget every copy of a weight that may be trained."""
        raise NotImplementedError


@contextmanager
def copies_held(model: Any) -> Iterator[None]:
    """While it lasts no weight of ``model`` may change; every copy is made anew the next time."""
    forwards = [f for m in model.modules() if isinstance(f := vars(m).get("forward"), HoldsCopies)]
    for forward in forwards:
        forward.holding = True
    try:
        yield
    finally:
        for forward in forwards:
            forward.holding = False
            forward.release()
