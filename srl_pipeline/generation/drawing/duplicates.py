"""Trajectories that say what an earlier one says: found before they are kept.

Content of a trajectory: the set of ``axis=value`` and ``field=value`` (of a list ``field=member`` each). Reasoning,
teacher and generation are no part of it.

- **repeated**: its id is known, or its scenario is and the content is the same.
- **near_duplicate**: another scenario's trajectory has nearly the same content: Jaccard similarity of at least 0.95.

Two solutions of one scenario that differ in one field share all but one of about 23 elements, a similarity of 0.92:
near-best variants are wanted, so solutions of one scenario are told apart by equality alone, however many fields the
pack has. Over scenarios 0.95 means: equal but for one element of at least 39. MinHash finds the candidates (4 bands of
12: 95 % of the pairs at 0.95, 99 % at 0.97, all that are equal); each is then compared exactly, so nothing is refused
by an estimate.

Memory: about 2 KB a trajectory.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Json, Trajectory

SIMILAR = 0.95
BANDS, ROWS = 4, 12
Reason = Literal["repeated", "near_duplicate"]


@dataclass(frozen=True)
class Content:
    """What duplicates are told by: ids, and the elements of the content as 64-bit hashes."""

    id: str
    scenario_id: str
    elements: frozenset[int]


def content(trajectory: Trajectory) -> Content:
    """The content of a trajectory."""
    scenario = trajectory.scenario
    return content_of(trajectory.id, scenario.id, scenario.axes, trajectory.artefact)


def content_of(id: str, scenario_id: str, axes: Mapping[str, Json], artefact: Mapping[str, Json]) -> Content:
    """The content of the solution ``artefact`` of the scenario with ``axes``."""
    said = [("axis", name, value) for name, value in axes.items()]
    for name, value in artefact.items():
        said.extend(("field", name, member) for member in (value if isinstance(value, list) and value else [value]))
    return Content(id, scenario_id, frozenset(_hash(kind, name, _text(value)) for kind, name, value in said))


class DuplicateFilter:
    """Knows what was added; grows by about 2 KB a trajectory."""

    def __init__(self) -> None:
        from datasketch import MinHash, MinHashLSH

        self._sketch_type = MinHash
        self._empty = MinHash(num_perm=BANDS * ROWS, hashfunc=_low_half)
        # The band's values are hashed to 8 bytes: a collision brings one more candidate, and candidates are compared.
        self._index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS), hashfunc=_short)
        self._ids: set[str] = set()
        self._known: list[tuple[str, array[int]]] = []

    def __len__(self) -> int:
        return len(self._known)

    def reason(self, found: Content) -> Reason | None:
        """Why it is a duplicate of what was added, or None."""
        if found.id in self._ids:
            return "repeated"
        reason: Reason | None = None
        for number in self._index.query(self._sketch(found)):
            scenario_id, elements = self._known[cast("int", number)]
            if scenario_id == found.scenario_id:
                if len(elements) == len(found.elements) and found.elements.issuperset(elements):
                    return "repeated"
            elif _similarity(found.elements, elements) >= SIMILAR:
                reason = "near_duplicate"
        return reason

    def add(self, found: Content) -> None:
        """Remember it; an id that is known is not added again."""
        if found.id in self._ids:
            return
        self._ids.add(found.id)
        self._index.insert(len(self._known), self._sketch(found), check_duplication=False)
        self._known.append((found.scenario_id, array("Q", found.elements)))

    def _sketch(self, found: Content) -> Any:
        sketch = self._empty.copy()
        sketch.update_batch(found.elements)
        return sketch


def _similarity(left: frozenset[int], right: array[int]) -> float:
    shared = len(left.intersection(right))
    return shared / (len(left) + len(right) - shared)


def _text(value: Json) -> str:
    """Canonical text; plain words, which are most values, need no JSON."""
    return f'"{value}"' if isinstance(value, str) else dumps(value)


@lru_cache(maxsize=1 << 16)
def _hash(kind: str, name: str, value: str) -> int:
    """64 bits; a pack has few elements, which come again in every trajectory."""
    return int.from_bytes(hashlib.blake2b(f"{kind} {name}={value}".encode(), digest_size=8).digest())


def _low_half(element: int) -> int:
    return element & 0xFFFFFFFF


def _short(band: bytes) -> bytes:
    return hashlib.blake2b(band, digest_size=8).digest()
