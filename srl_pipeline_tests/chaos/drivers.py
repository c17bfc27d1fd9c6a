"""Test-only: what is disturbed. A driver uses real stores, and goes on where its last life ended."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from srl_pipeline_tests.chaos.child import Told

Facts = list[tuple[Any, ...]]


class Driver(Protocol):
    """One piece of work over some stores of a home."""

    def run(self, home: Path, told: Told) -> None:
        """Do what is not done yet, and tell of each thing when it is done."""
        ...

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        """Assert that what was told is there and nothing half, however the last life ended.

        ``exact``: the clock was right, so that no hold has expired.
        """
        ...

    def result(self, home: Path) -> Any:
        """What must be the same after any disturbance, once a life has come to its end: a JSON value."""
        ...


PLACES = {
    "artifacts": "making:Artifacts",
    "saved work": "making:SavedWork",
    "history": "keeping:Histories",
    "decisions": "keeping:Promotions",
    "money": "keeping:Money",
    "tuning jobs": "keeping:Jobs",
    "sensor ticks": "ticking:Ticks",
    "lore index": "generating:LoreIndex",
    "generation": "generating:PaidGeneration",
}
CHEAP = ("artifacts", "saved work", "history", "decisions", "money", "tuning jobs", "sensor ticks")
"""Drivers whose life takes some milliseconds."""


def driver(name: str) -> Driver:
    """The driver of a name."""
    module, _, kind = PLACES[name].partition(":")
    return getattr(import_module(f"srl_pipeline_tests.chaos.{module}"), kind)()
