"""Teachers as candidates: what `teachers.yaml` says of them now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from srl_pipeline.canonical import digest
from srl_pipeline.config import PipelineConfig
from srl_pipeline.errors import TeacherError
from srl_pipeline.selection.records import Candidate
from srl_pipeline.teachers import responsible_teacher, teacher_ref
from srl_pipeline.teachers.catalog import TeacherEntry, current_catalog

FREE = ("search", "transformers")
"""Kinds that cost no money where no price is written."""


def incumbent_teacher(config: PipelineConfig, model_type: str) -> str:
    """The teacher that is responsible now, also where `teachers.yaml` no longer lists it."""
    name = config.generation.teacher
    return name if name and name not in current_catalog().teachers else responsible_teacher(name, model_type)


def teacher_candidate(name: str) -> Candidate:
    """What is known of a teacher without asking it."""
    entry = current_catalog().teachers.get(name)
    if entry is None:
        return Candidate(name=name, version="", problem=f"teachers.yaml lists no teacher {name!r}.")
    return Candidate(
        name=name,
        version=teacher_ref(name).version,
        training_allowed=entry.terms is None or entry.terms.training_allowed,
        price_known=entry.price is not None or entry.kind in FREE,
        problem=_without_key(entry),
    )


def teacher_fingerprint(model_type: str, config: PipelineConfig, incumbent: str | None = None) -> str:
    """Hash of all that calls for a new check when it changes: candidates, versions, prices, terms, constraints, caps.

    Keys count not: the process that watches need not have them. ``incumbent`` is the responsible teacher of now when
    left out. Raises TeacherError when `teachers.yaml` cannot be read.
    """
    holds = incumbent or incumbent_teacher(config, model_type)
    names = sorted({*config.selection.candidates, holds})
    return digest(
        {
            "incumbent": holds,
            "candidates": {name: _facts(name) for name in names},
            "selection": config.selection.model_dump(mode="json", exclude={"students"}),
            "budget": config.budget.model_dump(mode="json"),
        }
    )


def named(names: Sequence[str], incumbent: str) -> list[str]:
    """Whom to measure: the incumbent first, named or not, then the others in their order; nobody twice."""
    return list(dict.fromkeys([incumbent, *names]))


def _facts(name: str) -> dict[str, Any] | None:
    entry = current_catalog().teachers.get(name)
    if entry is None:
        return None
    own = entry.model_dump(mode="json", include={"price", "terms", "batch"})
    return own | {"version": teacher_ref(name).version}


def _without_key(entry: TeacherEntry) -> str:
    """Why a teacher behind an interface cannot be asked for want of a key; empty where it can."""
    from srl_pipeline.teachers.providers.credentials import credential_of

    if entry.kind in FREE:
        return ""
    try:
        credential_of(entry)
    except TeacherError as error:
        return error.what
    return ""
