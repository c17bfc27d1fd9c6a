"""Data versions and code versions.

A data version is the hash of everything that decides an artifact: its inputs' versions, its configuration and the
source code of the packages that make it. It is known before work begins, so a finished artifact is found instead of
made again, and an interrupted one resumes at a path that no run id is part of. Pins (lore, teacher, rules) are hashed
by content.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import digest, digest_file

PACKAGE = Path(__file__).resolve().parent.parent
SHARED = ("contracts.py", "canonical.py")


@lru_cache(maxsize=64)
def code_version(*rooms: str, libraries: tuple[str, ...] = ()) -> str:
    """Hash of the Python source of ``rooms`` (packages or files of srl_pipeline) and the versions of ``libraries``."""
    files = [
        path
        for room in (*SHARED, *rooms)
        for path in (sorted((PACKAGE / room).rglob("*.py")) if (PACKAGE / room).is_dir() else [PACKAGE / room])
    ]
    sources = {str(path.relative_to(PACKAGE)): digest_file(path) for path in files}
    return digest({"sources": sources, "libraries": {name: metadata.version(name) for name in libraries}})


def artifact_version(asset: str, inputs: dict[str, str], config: dict[str, Any], code: str) -> str:
    """The data version of a derived artifact."""
    return digest({"asset": asset, "inputs": inputs, "config": config, "code": code})
