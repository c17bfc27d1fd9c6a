"""How long to wait before a call is tried again."""

from __future__ import annotations

import random

from tenacity import RetryCallState
from tenacity.wait import wait_random_exponential

from srl_pipeline.teachers.calls.records import TransientError

BACKOFF = wait_random_exponential(multiplier=0.5, max=30)
"""Where the endpoint names no pause: a random one of up to 0.5, 1, 2, … seconds."""


def pause_before_retry(state: RetryCallState) -> float:
    """Seconds: what the endpoint asked for and a little more, so that not all callers come back together."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TransientError) and error.retry_after is not None:
        return error.retry_after * random.uniform(1.0, 1.1)
    return BACKOFF(state)
