"""The settings that decisions made: as a run's configuration reads them, where each comes from, and the way back."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srl_pipeline.clock import now_iso
from srl_pipeline.contracts import Json
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry.decisions import Decision, Decisions
from srl_pipeline.registry.places import has_decisions, open_decisions

CLEARED = "cleared"
"""Where the evidence of a decision keeps the name of the setting that it took back."""


def decided_settings(home: Path, model_type: str) -> dict[str, Json]:
    """Dotted name -> value for a model type; nothing where nothing was ever decided."""
    with _opened(home) as decisions:
        return decisions.settings(model_type) if decisions else {}


def origin(home: Path, model_type: str, name: str) -> str:
    """Which decision made a setting, and how to take it back: one sentence; empty where none made it."""
    with _opened(home) as decisions:
        made = decisions.setting_decisions(model_type).get(name) if decisions else None
        if decisions is None or made is None:
            return ""
        value = decisions.settings(model_type).get(name)
    back = f"srl-pipeline settings {model_type} --clear {name} --reason …"
    return f"Decision {made.id} of {made.at[:10]} set {name} to {value!r}; `{back}` takes it back."


def clear_setting(decisions: Decisions, model_type: str, name: str, *, reason: str) -> Decision:
    """Take a decided setting back, and keep why: a decision of the kind that made it.

    Raises PipelineError where no decision made such a setting, or where no reason is given.
    """
    made, values = decisions.setting_decisions(model_type), decisions.settings(model_type)
    if name not in made or name not in values:
        raise PipelineError(
            f"No decision made a setting {name!r} of {model_type}.",
            where=f"settings of {model_type}",
            mend=f"Name one of those that are decided: {', '.join(made) or 'there is none'}.",
        )
    if not reason.strip():
        raise PipelineError(
            "A setting is not taken back without a reason.",
            where=f"settings of {model_type}",
            mend="Say in a sentence why, for those who read the decision later.",
        )
    by = made[name]
    before = f"{name} is {values[name]!r}, by decision {by.id}"
    told = Decision(
        at=now_iso(),
        model_type=model_type,
        kind=by.kind,
        verdict="change",
        subject=name,
        before=before,
        after=f"{name} is not decided",
        reasons=[
            f"A person took {name} back: {reason.strip()}",
            "What the preset, the pack and SRL_SETTINGS say holds again.",
        ],
        evidence={CLEARED: name, "value": values[name], "decision": by.id},
    )
    return decisions.record(told, settings={name: None})


@contextmanager
def _opened(home: Path) -> Generator[Decisions | None, None, None]:
    """None where nothing was ever decided: looking makes no file."""
    if not has_decisions(home):
        yield None
        return
    decisions = open_decisions(home)
    try:
        yield decisions
    finally:
        decisions.close()
