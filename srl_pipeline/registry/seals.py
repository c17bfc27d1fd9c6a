"""Seals: each record's covers its text and the seal before it, so that an edit, a removal or another order shows.

They have no key: who may write to the state can seal anew. The newest seal, kept somewhere else, is what tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from srl_pipeline.contracts import Record


class Sealed(Record):
    """A record as it is kept."""

    number: int
    text: str
    seal: str


def seal(before: str, text: str) -> str:
    """SHA-256 in hex; ``before`` is the seal of the record before, empty for the first that is sealed."""
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def faults(records: Sequence[Sealed], last: int) -> list[str]:
    """What is wrong with ``records``, oldest first, of which ``last`` were kept; nothing where all is as it was kept.

    Those that were kept before there were seals have none, and come first: of them only the numbers are looked at.
    """
    found = [f"record {number} is missing" for number in sorted(set(range(1, last + 1)) - {r.number for r in records})]
    before = ""
    for record in records:
        if record.seal == "" and before == "":
            continue
        if record.seal != seal(before, record.text):
            found.append(f"record {record.number} is not as it was kept, or the one before it is another one")
        before = record.seal or before
    return found
