"""Test-only: a process that dies at the n-th thing that a job does outside itself, before or after it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from srl_pipeline.registry import SqliteDecisions, SqliteLedger
from srl_pipeline.tuning import candidates
from srl_pipeline.tuning.sqlite_jobs import SqliteTuningJobs

PROVIDER = ("upload", "find", "submit", "look", "cancel", "serve")


class Killed(BaseException):
    """The process is gone: nothing in the program may catch it."""


@dataclass
class Reaper:
    """Kills at one moment of a life; ``moment`` counts twice a thing, before and after it.

    Attributes:
        told: What it let happen, and where it struck.
    """

    moment: int
    told: list[str]

    def around(self, name: str, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Do ``work`` unless the process dies before it."""
        self._at(name, "before")
        done = work(*arguments, **named)
        self._at(name, "after")
        return done

    def _at(self, name: str, side: Literal["before", "after"]) -> None:
        if self.moment == 0:
            self.moment -= 1
            self.told.append(f"killed {side} {name}")
            raise Killed
        self.moment -= 1
        self.told.append(f"{side} {name}")


@contextmanager
def dying(moment: int, provider: type[Any] | None) -> Iterator[list[str]]:
    """Within the block the process dies at a moment of its tuning job, if it comes to it; yields what happened.

    Struck are the vendor, the ledger's entries for jobs (not those for single calls), the record, the register of
    teachers, and decisions.
    """
    reaper = Reaper(moment, [])
    with pytest.MonkeyPatch.context() as patch:

        def strike(owner: Any, name: str, only: Callable[..., bool] = lambda *_, **__: True) -> None:
            real = getattr(owner, name)

            def replaced(*arguments: Any, **named: Any) -> Any:
                if not only(*arguments, **named):
                    return real(*arguments, **named)
                return reaper.around(name, real, *arguments, **named)

            patch.setattr(owner, name, replaced)

        for name in PROVIDER if provider else ():
            strike(provider, name)
        strike(SqliteTuningJobs, "put")
        strike(SqliteLedger, "hold", lambda _, call, account, *__, **___: call.startswith("srl-"))
        strike(SqliteLedger, "commit", lambda _, hold, amount: hold.call.startswith("srl-"))
        strike(SqliteDecisions, "record")
        strike(candidates, "register_teacher")
        yield reaper.told
