"""The one canonical JSON and the one hash.

Canonical text: keys sorted, no spaces, numbers normalised (``3.0`` is ``3``), NaN and infinities refused. Equal values
have equal text, so hashes of content are stable over machines and runs.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

HASH_LENGTH = 16
"""Hex digits kept of a SHA-256: 64 bits, ample for the artifacts of one installation."""


def normalise(value: Any) -> Any:
    """Return ``value`` with every integral float as an int; raises ValueError on NaN, infinity or non-JSON types."""
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a JSON number")
        rounded = round(value, 10)  # before the test: what rounds to an integer is written as one
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, dict):
        return {_key(k): normalise(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [normalise(v) for v in value]
    raise ValueError(f"{type(value).__name__} is not a JSON type")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError(f"object key {key!r} is not a string")
    return key


def dumps(value: Any) -> str:
    """Canonical JSON text of ``value``."""
    return json.dumps(normalise(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def pretty(value: Any) -> str:
    """Readable JSON text of ``value`` for files that people open; same normalisation."""
    return json.dumps(normalise(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def digest(value: Any) -> str:
    """Content hash of a JSON value."""
    return digest_bytes(dumps(value).encode())


def digest_bytes(data: bytes) -> str:
    """Content hash of bytes."""
    return hashlib.sha256(data).hexdigest()[:HASH_LENGTH]


def digest_file(path: Path) -> str:
    """Content hash of a file, read in blocks."""
    state = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            state.update(block)
    return state.hexdigest()[:HASH_LENGTH]


def seed_of(*parts: Any) -> int:
    """A 63-bit seed derived from ``parts``: the only way seeds are made, so runs are reproducible."""
    return int(hashlib.sha256(dumps(list(parts)).encode()).hexdigest()[:16], 16) >> 1
