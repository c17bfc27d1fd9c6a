"""Whose turn it is where a tick cannot look at all model types: what changed first, then who waited longest.

Dagster gives a sensor 60 seconds; a tick that takes longer is lost with all that it found. So a tick looks for
`LOOK_SECONDS`, and those that are left are the first of the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TypeAlias

from srl_pipeline.clock import StopWatch

LOOK_SECONDS = 30.0
"""Half of Dagster's limit: afterwards each run that is asked for is recorded, one after the other."""
Stamp: TypeAlias = tuple[tuple[str, int, int], ...]


def stamp(folder: Path) -> Stamp:
    """Name, time and size of every file of a pack: to read one takes a second, and every tick looks at all."""
    files = ((str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in files)


class Rota:
    """Of one sensor, in one process; it is lost with the process, and then everybody counts as changed."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[Stamp, int]] = {}
        self._numbers = count()

    def turns(self, stamps: Mapping[str, Stamp], pressing: Collection[str] = ()) -> Iterator[str]:
        """Names until `LOOK_SECONDS` are over; at least one.

        Args:
            stamps: Name -> what its files are like now.
            pressing: Names that are as urgent as those that changed.
        """

        def order(name: str) -> tuple[bool, int]:
            stamped, number = self._looks.get(name, ((), -1))
            return stamped == stamps[name] and name not in pressing, number

        watch = StopWatch()
        for name in sorted(stamps, key=order):
            self._looks[name] = stamps[name], next(self._numbers)
            yield name
            if watch.seconds > LOOK_SECONDS:
                return
