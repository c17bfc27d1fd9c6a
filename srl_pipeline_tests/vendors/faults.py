"""Test-only: what a server does wrong, request by request."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal[
    "rate_limit",
    "server_error",
    "overloaded",
    "slow",
    "truncated",
    "malformed_json",
    "wrong_schema",
    "refusal",
    "expired",
]
"""``slow``, ``truncated`` and ``malformed_json`` are billed: the model has done its work. ``expired`` is for the
requests of a batch alone."""
REFUSED: tuple[FaultKind, ...] = ("rate_limit", "server_error", "overloaded")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        retry_after: The header of that name, in either of its forms; empty: none.
        seconds: How much longer a slow answer takes.
    """

    kind: FaultKind
    retry_after: str = "1"
    seconds: float = 1.0


class FaultPlan:
    """Says for each request in turn what goes wrong with it, if anything."""

    def __init__(self, script: Sequence[Fault | FaultKind | None] = ()) -> None:
        """Script in the order of arrival; after its end all goes well."""
        self._script = [Fault(item) if isinstance(item, str) else item for item in script]
        self._rates: dict[FaultKind, float] = {}
        self._random = random.Random(0)
        self._lock = threading.Lock()

    @classmethod
    def seeded(cls, seed: int, rates: Mapping[FaultKind, float]) -> FaultPlan:
        """Chance of each fault, in the order of arrival."""
        plan = cls()
        plan._rates = dict(rates)
        plan._random = random.Random(seed)
        return plan

    @classmethod
    def parse(cls, text: str, seed: int) -> FaultPlan:
        """``rate_limit=0.1,slow=0.05`` as chances, or ``rate_limit,ok,slow`` as a script."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        pairs = [word.partition("=") for word in words]
        if unknown := {name for name, _, _ in pairs} - {*get_args(FaultKind), "ok"}:
            raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")
        if all(equals for _, equals, _ in pairs):
            return cls.seeded(seed, {name: float(share) for name, _, share in pairs})  # type: ignore[misc]
        return cls([None if word == "ok" else word for word in words])  # type: ignore[misc]

    def next(self) -> Fault | None:
        """What goes wrong with the next request."""
        with self._lock:
            if self._script:
                return self._script.pop(0)
            draw = self._random.random() if self._rates else 1.0
            for kind, rate in self._rates.items():
                if draw < rate:
                    return Fault(kind)
                draw -= rate
            return None
