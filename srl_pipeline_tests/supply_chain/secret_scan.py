"""Test-only: no tracked file holds a secret. What looks like one and is none is listed, by file, kind and hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srl_pipeline_tests.supply_chain.findings import ROOT, Step, run, tail

HERE = Path(__file__).parent
KNOWN = HERE / "not_secrets.json"
"""File -> [kind, SHA-1 of the text, why it is none] of each."""
FOREIGN = (
    "ArtifactoryDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "IPPublicDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "MailchimpDetector",
    "SendGridDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
"""Detectors for services that nothing here talks to: the scan takes its time for each."""
PRAGMA = "detect_secrets.filters.allowlist.is_line_allowlisted"
"""A remark beside a line would hide whatever stands there next; the list names the text itself."""


@dataclass(frozen=True, order=True)
class Suspect:
    """Text that looks like a secret; never the text itself. `line` is where it stands now, and no part of its name."""

    file: str
    kind: str
    sha1: str
    line: int = 0

    @property
    def name(self) -> tuple[str, str, str]:
        return self.file, self.kind, self.sha1


def scan_secrets(tools: Path, root: Path = ROOT, known: Path = KNOWN) -> Step:
    """All files that git tracks below ``root``. Raises RuntimeError where the scan cannot be carried out."""
    found = suspects(tools, root)
    listed = read_known(known)
    return Step(
        "secrets", f"{len(found)} texts look like secrets, {len(listed)} are listed as none", judge(found, listed)
    )


def suspects(tools: Path, root: Path) -> list[Suspect]:
    """What detect-secrets finds; nothing is sent anywhere."""
    plugin = HERE / "vendor_keys.py"
    command: list[str | Path] = [tools / "detect-secrets", "scan", "--no-verify", "--plugin", plugin]
    command += ["--exclude-files", KNOWN.name, "--disable-filter", PRAGMA]
    for detector in FOREIGN:
        command += ["--disable-plugin", detector]
    done = run(command, cwd=root)
    if done.returncode:
        raise RuntimeError(f"detect-secrets could not scan: {tail(done.stderr)}")
    results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
    return sorted(
        Suspect(file, str(one["type"]), str(one["hashed_secret"]), int(one["line_number"]))
        for file, many in results.items()
        for one in many
    )


def read_known(file: Path) -> list[Suspect]:
    """What is listed as no secret; raises RuntimeError for an entry without a reason."""
    entries: dict[str, Sequence[Sequence[str]]] = json.loads(file.read_text(encoding="utf-8"))
    for name, many in entries.items():
        for entry in many:
            if len(entry) != 3 or len(entry[2]) < 10:
                raise RuntimeError(f"{file.name}, {name}: write kind, SHA-1 and why it is no secret")
    return [Suspect(name, kind, sha1) for name, many in entries.items() for kind, sha1, _ in many]


def judge(found: Iterable[Suspect], listed: Iterable[Suspect]) -> tuple[str, ...]:
    """What is not listed, and what is listed and no longer there: a list that is longer than needed hides the next."""
    names, by_name = {one.name for one in listed}, {one.name: one for one in found}
    new = [
        f"{one.file}:{one.line}: looks like a secret ({one.kind}). Take it out and replace it at its vendor; "
        f'or, where it is none, list it in {KNOWN.name}: ["{one.kind}", "{one.sha1}", "why"]'
        for name, one in sorted(by_name.items())
        if name not in names
    ]
    stale = [
        f"{KNOWN.name}: {file}: no such {kind} ({sha1}) is there now"
        for file, kind, sha1 in sorted(names - set(by_name))
    ]
    return (*new, *stale)
