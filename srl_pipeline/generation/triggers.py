"""What the registry sensor decides: which model types to regenerate when a teacher, a rule set or lore changes.

Pure: versions and a cursor in, requests and the next cursor out. Run keys deduplicate for ever, so each carries a
counter: without it a return to an earlier version would be dropped. A crash before the cursor is saved asks for the
same key again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from srl_pipeline.canonical import digest, dumps
from srl_pipeline.contracts import Record
from srl_pipeline.errors import PipelineError

PINS: dict[str, str] = {"teacher": "teacher_model", "rules": "rule_set", "lore": "lore_index"}
"""Part of a fingerprint -> the asset that pins it."""


class Versions(Record):
    """Content hashes of what a model type rests on, as they are now."""

    teacher: str
    rules: str
    lore: str


class Seen(Versions):
    """What the sensor last saw, and how many changes it has asked for."""

    n: int = 0


@dataclass(frozen=True)
class Regeneration:
    """A model type to regenerate: the changed pins and all that is downstream of them."""

    model_type: str
    run_key: str
    changed: tuple[str, ...]

    @property
    def assets(self) -> list[str]:
        """The pin assets that changed."""
        return [PINS[name] for name in self.changed]


@dataclass(frozen=True)
class Plan:
    """What to ask for, and the cursor to keep."""

    requests: list[Regeneration]
    first_seen: list[str]
    cursor: str


def plan(cursor: str | None, current: Mapping[str, Versions]) -> Plan:
    """Compare ``current`` with the cursor.

    A model type that is seen for the first time is only recorded: opening the UI must not start a training. One that
    is missing from ``current`` (its pack is broken or gone) keeps its entry, so a change is noticed when it comes back.
    """
    seen = read_cursor(cursor)
    requests: list[Regeneration] = []
    first_seen: list[str] = []
    for model_type, now in sorted(current.items()):
        before = seen.get(model_type)
        if before is None:
            first_seen.append(model_type)
            seen[model_type] = Seen(**now.model_dump())
            continue
        changed = tuple(name for name in PINS if getattr(before, name) != getattr(now, name))
        if changed:
            n = before.n + 1
            requests.append(Regeneration(model_type, f"{model_type}:{n}:{digest(now.model_dump())}", changed))
            seen[model_type] = Seen(n=n, **now.model_dump())
    return Plan(requests, first_seen, dumps({name: entry.model_dump() for name, entry in seen.items()}))


def read_cursor(cursor: str | None) -> dict[str, Seen]:
    """The cursor's entries; raises PipelineError for text that is no cursor."""
    try:
        return {name: Seen.model_validate(entry) for name, entry in (json.loads(cursor) if cursor else {}).items()}
    except (ValueError, AttributeError, ValidationError) as error:
        raise PipelineError(
            f"The cursor is not readable: {error}",
            where="sensor registry_sensor",
            mend="Clear the cursor on the sensor's page; the next tick records the current versions.",
        ) from error
