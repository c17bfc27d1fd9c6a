"""What a run was configured by: kept as a decision when it is another than the last one of its model type.

Kept are digests, by name of what was looked at: enough to say what changed, when and by whom, and nothing that could be
a secret. The files themselves belong into version control.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, cast

from srl_pipeline.canonical import digest, digest_file
from srl_pipeline.config import PipelineConfig
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import Decision, Decisions
from srl_pipeline.teachers.catalog import reading
from srl_pipeline.tuning import catalog

Seen: TypeAlias = dict[str, str]
"""Name of what was looked at, such as ``settings: budget`` or ``teachers.yaml`` -> its digest; ``none`` for no file."""
SEEN = "seen"
FILES = {reading.VARIABLE: reading.FILE, catalog.VARIABLE: catalog.FILE}
"""Environment variable that names a file -> the file in the current folder that it replaces."""


def seen_by(config: PipelineConfig, pack: Pack, folder: Path) -> Seen:
    """What decides a run of ``pack`` that starts in ``folder``. Raises OSError for a file that cannot be read."""
    tree = config.model_dump(mode="json")
    single = {name: value for name, value in tree.items() if not isinstance(value, dict)}
    sections = {name: value for name, value in tree.items() if isinstance(value, dict)}
    settings = {f"settings: {name}": digest(value) for name, value in sections.items()}
    files = {file: folder / (os.environ.get(variable) or file) for variable, file in FILES.items()}
    return {
        "settings": digest(single),
        **settings,
        **{name: digest_file(path) if path.is_file() else "none" for name, path in files.items()},
        "rules": pack.definition.version,
        "lore": pack.lore_version,
    }


def note_configuration(
    decisions: Decisions, model_type: str, seen: Seen, config: PipelineConfig, *, at: str
) -> Decision | None:
    """Keep what a run saw; None where it is what the last run of the model type saw."""
    last = decisions.decisions(model_type, kind="configuration", last=1)
    before = last[0].after if last else ""
    if (after := digest(seen)) == before:
        return None
    known = cast("Mapping[str, str]", last[0].evidence[SEEN]) if last else {}
    changed = sorted(name for name in seen.keys() | known.keys() if seen.get(name) != known.get(name))
    what = f"Changed since the last run: {', '.join(changed)}." if last else "The first configuration that a run saw."
    return decisions.record(
        Decision(
            at=at,
            model_type=model_type,
            kind="configuration",
            verdict="change",
            subject="configuration",
            before=before,
            after=after,
            reasons=[what, _described(config)],
            evidence={SEEN: dict(seen)},
        )
    )


def _described(config: PipelineConfig) -> str:
    cap = config.budget.month_usd
    student = Path(config.student.name).name  # a folder's name; where it lies is nobody's business
    return (
        f"Preset {config.preset}, teacher {config.generation.teacher}, student {student}, "
        f"monthly cap {f'${cap:g}' if cap is not None else 'none'}."
    )
