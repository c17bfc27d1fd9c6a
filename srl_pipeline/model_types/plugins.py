"""Plug-ins: rules and tasks in Python, offered to packs by installed distributions as entry points.

A pack names them (``plugins: {rules: NAME, tasks: NAME}``); it never brings code itself: what runs is what the operator
installed. So an existing task library with its own scorer becomes a model type: the library's tasks are an axis, its
scorer a rule. A plug-in that raises fails its pack and no other.

Entry point groups: `RULES_GROUP`, a callable that returns `PythonRule` records; `TASKS_GROUP`, a callable that returns
a `TaskSource`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from srl_pipeline.canonical import digest, digest_file
from srl_pipeline.contracts import Artefact, Facts, Json
from srl_pipeline.errors import PackError

RULES_GROUP = "srl_pipeline.rules"
TASKS_GROUP = "srl_pipeline.tasks"
Kind = Literal["rules", "tasks"]
GROUPS: dict[Kind, str] = {"rules": RULES_GROUP, "tasks": TASKS_GROUP}
TASK = "task"
"""Where a task source's brief and facts appear: ``{task}`` in the brief, ``facts.task.<name>`` in expressions."""

Axes = Mapping[str, str | float]
Holds = Callable[[Axes, Facts, Artefact], bool]


@dataclass(frozen=True)
class PythonRule:
    """A rule whose assertion is Python.

    Attributes:
        fields: Artefact fields that it reads: it is checked once all of them are written.
        holds: Whether scenario axes, facts and artefact obey it. Must be deterministic, and quick (5 ms at most).
        message, because: As in rules.yaml, with its placeholders.
    """

    id: str
    skill: str
    fields: frozenset[str]
    holds: Holds
    message: str
    because: str
    severity: Literal["hard", "soft"] = "hard"
    weight: float = 1.0


@dataclass(frozen=True)
class TaskText:
    """What a task source says about one combination of axis values: words for the brief, facts for the rules."""

    brief: str
    facts: Mapping[str, Json]


class TaskSource(Protocol):
    """Tasks of a library, one for each combination of axis values that is possible."""

    @property
    def fact_names(self) -> Sequence[str]:
        """Names that every task's facts have; a name that is used and not listed is an error."""
        ...

    def task(self, axes: Axes) -> TaskText | None:
        """The task of these axis values, or None when there is none."""
        ...


def plugin_version(kind: Kind, name: str, *, where: str) -> str:
    """Identity of an installed plug-in: its distribution's version and the source of its top-level package."""
    point = _point(kind, name, where)
    _load(point, where)
    top = sys.modules[point.module.partition(".")[0]]
    roots = [Path(folder) for folder in getattr(top, "__path__", [])]
    files = [f for root in roots for f in sorted(root.rglob("*.py"))] or [Path(top.__file__)] if top.__file__ else []
    return digest(
        {
            "point": point.value,
            "distribution": [point.dist.name, point.dist.version] if point.dist else [],
            "source": [digest_file(file) for file in files],
        }
    )


def python_rules(name: str, *, where: str) -> list[PythonRule]:
    """The rules of a plug-in; raises PackError when it cannot give them."""
    found = guarded(_load(_point("rules", name, where), where), name=name, where=where)
    rules = list(cast("Sequence[Any]", found)) if isinstance(found, (list, tuple)) else [found]
    if odd := next((r for r in rules if not isinstance(r, PythonRule)), None):
        raise PackError(
            f"Plug-in {name!r} offers {type(odd).__name__}, not PythonRule records.",
            where=where,
            mend="Return a list of srl_pipeline.model_types.plugins.PythonRule.",
        )
    return cast("list[PythonRule]", rules)


def task_source(name: str, *, where: str) -> TaskSource:
    """A plug-in's tasks; raises PackError when it cannot give them."""
    source = guarded(_load(_point("tasks", name, where), where), name=name, where=where)
    if not callable(getattr(source, "task", None)) or not hasattr(source, "fact_names"):
        raise PackError(
            f"Plug-in {name!r} offers {type(source).__name__}, which is no task source.",
            where=where,
            mend="Return an object with 'fact_names' and 'task(axes)' (srl_pipeline.model_types.plugins.TaskSource).",
        )
    return cast("TaskSource", source)


def guarded(call: Callable[..., Any], *args: Any, name: str, where: str) -> Any:
    """Call into a plug-in; whatever it raises becomes an error of its pack."""
    try:
        return call(*args)
    except Exception as error:
        raise PackError(
            f"Plug-in {name!r} raised {type(error).__name__}: {str(error)[:200]}",
            where=where,
            mend="Mend the plug-in, or take it out of pack.yaml; other packs are not affected.",
        ) from error


def _point(kind: Kind, name: str, where: str) -> EntryPoint:
    found = [p for p in entry_points(group=GROUPS[kind]) if p.name == name]
    if len(found) != 1:
        known = ", ".join(sorted({p.name for p in entry_points(group=GROUPS[kind])})) or "none"
        raise PackError(
            f"{len(found)} installed distributions offer plug-in {name!r} ({GROUPS[kind]}); installed: {known}.",
            where=where,
            mend="Install exactly one distribution that has this entry point, or correct the name.",
        )
    return found[0]


def _load(point: EntryPoint, where: str) -> Callable[..., Any]:
    loaded = guarded(point.load, name=point.name, where=where)
    if not callable(loaded):
        raise PackError(
            f"Plug-in {point.name!r} is {type(loaded).__name__}, not a callable.",
            where=where,
            mend="Point the entry point at a function or class that takes no arguments.",
        )
    return loaded
