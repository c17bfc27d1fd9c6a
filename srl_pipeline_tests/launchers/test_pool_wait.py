"""Waiting for a pool costs no processor time; see `launchers.pool_wait`."""

from __future__ import annotations

import inspect
import time

from dagster._core.execution.plan import instance_concurrency_context as dagsters

from srl_pipeline.launchers.pool_wait import LONGEST, install


class Waiting:
    """As much of Dagster's InstanceConcurrencyContext as is asked."""

    def __init__(self, *ready_in: float) -> None:
        self._pending_timeouts = {str(i): time.time() + seconds for i, seconds in enumerate(ready_in)}

    def has_pending_claims(self) -> bool:
        return bool(self._pending_timeouts)


def interval(*ready_in: float) -> float:
    install()
    method = dagsters.InstanceConcurrencyContext.interval_to_next_pending_claim_check
    return method(Waiting(*ready_in))  # type: ignore[arg-type]


def test_a_waiting_step_sleeps_until_its_next_chance() -> None:
    assert 0.3 < interval(0.4, 9.0) <= 0.4


def test_it_never_spins_and_never_sleeps_so_long_that_a_cancel_goes_unseen() -> None:
    assert interval(-3.0) > 0
    assert interval(15.0) == LONGEST


def test_nothing_pending_means_no_sleep() -> None:
    assert interval() == 0.0


def test_dagster_still_needs_this() -> None:
    """When this fails, Dagster has mended it: delete `launchers/pool_wait.py`."""
    assert "return min([0, *" in inspect.getsource(dagsters)
