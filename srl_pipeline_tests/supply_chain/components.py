"""Test-only: what is installed is what is pinned, once, and under a licence that is allowed. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

INSTALLERS = frozenset({"pip", "setuptools", "wheel"})
"""Bring the others, and are brought by the venv itself: not pinned."""
ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "LLVM-exception"}
    | {"MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Zlib"}
)
"""Licences by their SPDX names: permissive ones, and MPL-2.0, which asks only for changes to its own files."""
ALLOWED_NAMES = frozenset(
    f"License :: OSI Approved :: {name}"
    for name in ("Apache Software License", "BSD License", "MIT License", "Mozilla Public License 2.0 (MPL 2.0)")
)
READ = {
    "antlr4-python3-runtime": "BSD, by its metadata",
    "cel-python": "Apache-2.0, by the licence in the package",
    "kubernetes-validate": "Apache-2.0, by its metadata",
    "overrides": "Apache-2.0, by its metadata",
    "protobuf": "BSD-3-Clause, by its metadata",
    "pytest-timeout": "MIT, by its metadata",
    "transformers": "Apache-2.0, by its metadata",
    "uritemplate": "BSD-3-Clause or Apache-2.0, by its metadata",
}
"""Distributions that state their licence in no form that a program can read, and what a person read there."""


def pinned(text: str) -> dict[str, str]:
    """Name -> version of a file of constraints. Raises ValueError for a line that pins nothing, or pins again."""
    found: dict[str, str] = {}
    for line in (line.split("#")[0].strip() for line in text.splitlines()):
        if not line:
            continue
        name, equals, version = line.partition("==")
        if not equals or not re.fullmatch(r"[\w.!+-]+", version):
            raise ValueError(f"{line!r} pins no exact version")
        if canonicalize_name(name) in found:
            raise ValueError(f"{name} is pinned twice")
        found[canonicalize_name(name)] = version
    return found


def installed(sbom: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and version of each component."""
    return [(canonicalize_name(one["name"]), str(one["version"])) for one in sbom["components"]]


def unpinned(found: Sequence[tuple[str, str]], pins: Mapping[str, str]) -> list[str]:
    """What is installed twice, without a pin, or in another version than is pinned. A local suffix is no other one."""
    problems = [f"{name} is installed {n} times" for name, n in sorted(Counter(n for n, _ in found).items()) if n > 1]
    for name, version in sorted(found):
        if name in INSTALLERS:
            continue
        if name not in pins:
            problems.append(f"{name} {version} is installed and not pinned in constraints.txt")
        elif version.partition("+")[0] != pins[name].partition("+")[0]:
            problems.append(f"{name} is installed in {version}; constraints.txt pins {pins[name]}")
    return problems


def unlicensed(sbom: Mapping[str, Any]) -> list[str]:
    """Components whose licence is not allowed, or is not stated where a program can read it and was read by nobody."""
    problems: list[str] = []
    for one in sbom["components"]:
        if canonicalize_name(one["name"]) in READ:
            continue
        stated = [_stated(entry) for entry in one.get("licenses", [])]
        if not stated:
            problems.append(f"{one['name']} {one['version']} states no licence")
        problems += [f"{one['name']} {one['version']}: licence {s!r} is not allowed" for s in stated if not allowed(s)]
    return problems


def allowed(stated: str) -> bool:
    """Whether all parts of a licence are allowed; of alternatives one is enough."""
    if stated in ALLOWED_NAMES:
        return True
    text = stated.replace("(", " ").replace(")", " ")
    return any(
        all(part.strip() in ALLOWED for part in re.split(r"\bAND\b|\bWITH\b", alternative))
        for alternative in re.split(r"\bOR\b", text)
    )


def _stated(entry: Mapping[str, Any]) -> str:
    licence = entry.get("license", {})
    return str(entry.get("expression") or licence.get("id") or licence.get("name") or "")
