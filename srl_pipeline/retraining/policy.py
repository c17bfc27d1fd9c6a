"""What starts a training by itself. Pure: what is seen and a cursor in; requests, refusals and the next cursor out.

- **A change** of teacher, rules, lore or student asks for a run of what rests on it, once it has stayed as it is for
  ``quiet_seconds``: edits come in series.
- **A signal** (weaknesses, drift of live requests, enough of them) asks for a new generation, ``cooldown_hours`` after
  the last one, and is answered once.
- While a run of a model type waits or is under way there is no second one: what changes meanwhile is answered after it.
- Limits and money refuse; a refusal is told once and looked at again at every tick.

Run keys deduplicate for ever, so each carries a counter: without it a return to an earlier version would be dropped. A
crash before the cursor is saved asks for the same key again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from srl_pipeline.canonical import digest
from srl_pipeline.retraining.cursor import read_cursor, write_cursor
from srl_pipeline.retraining.records import (
    GENERATION,
    PINS,
    Observed,
    Pending,
    Refusal,
    Regeneration,
    Seen,
    Signal,
)

REMEMBERED = 16
"""Answered signals that are remembered."""


@dataclass(frozen=True)
class Plan:
    """What to ask for, what may not start, what waits and why, and the cursor to keep."""

    requests: list[Regeneration] = field(default_factory=list[Regeneration])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    waiting: dict[str, str] = field(default_factory=dict[str, str])
    first_seen: list[str] = field(default_factory=list[str])
    cursor: str = ""


def plan(cursor: str | None, observed: Mapping[str, Observed], now: datetime) -> Plan:
    """Compare what is ``observed`` with the cursor.

    A model type that is seen for the first time is only recorded, with its signals: opening the UI must not start a
    training. One that is missing from ``observed`` (its pack is broken or gone) keeps its entry, so a change is noticed
    when it comes back.
    """
    seen = read_cursor(cursor)
    found = Plan()
    for model_type, state in sorted(observed.items()):
        before = seen.get(model_type)
        if before is None:
            found.first_seen.append(model_type)
            seen[model_type] = Seen(**state.versions.model_dump(), answered=[s.key for s in state.signals])
        else:
            seen[model_type] = _one(model_type, before, state, now, found)
    return Plan(found.requests, found.refusals, found.waiting, found.first_seen, write_cursor(seen))


def _one(model_type: str, before: Seen, state: Observed, now: datetime, found: Plan) -> Seen:
    if not before.student:  # a cursor of before students were watched
        before = before.model_copy(update={"student": state.versions.student})
    changed = tuple(name for name in PINS if getattr(before, name) != getattr(state.versions, name))
    if changed:
        return _changed(model_type, before, state, changed, now, found)
    before = before.model_copy(update={"pending": None})
    signal = next((s for s in state.signals if s.key not in before.answered), None)
    return _signalled(model_type, before, state, signal, now, found) if signal else before


def _changed(
    model_type: str, before: Seen, state: Observed, changed: tuple[str, ...], now: datetime, found: Plan
) -> Seen:
    fingerprint = digest(state.versions.model_dump())
    pending = before.pending
    if pending is None or pending.fingerprint != fingerprint or datetime.fromisoformat(pending.since) > now:
        pending = Pending(fingerprint=fingerprint, since=now.isoformat(timespec="milliseconds"))
    before = before.model_copy(update={"pending": pending})
    what = " and ".join(changed)
    left = state.settings.quiet_seconds - (now - datetime.fromisoformat(pending.since)).total_seconds()
    if state.running:
        found.waiting[model_type] = f"{what} changed; a run of it is under way, the next one follows"
        return before
    if left > 0:
        found.waiting[model_type] = f"{what} changed; it must stay as it is for {left:.0f} s more"
        return before
    if why := _limit(state):
        return _refuse(model_type, before, changed, why, fingerprint, found)
    key = f"{model_type}:{before.n + 1}:{fingerprint}"
    told = f"{what.capitalize()} changed."
    found.requests.append(Regeneration(model_type, key, changed, tuple(PINS[name] for name in changed), told))
    return Seen(n=before.n + 1, answered=before.answered, **state.versions.model_dump())


def _signalled(model_type: str, before: Seen, state: Observed, signal: Signal, now: datetime, found: Plan) -> Seen:
    if state.running:
        found.waiting[model_type] = f"{signal.kind}: a run of it is under way"
        return before
    if wait := _cooldown(state, now):
        found.waiting[model_type] = f"{signal.kind}: {wait}"
        return before
    limit = _limit(state)
    if not limit and state.generation >= state.settings.max_generations:
        limit = f"generation {state.generation} is the last that may start by itself (retraining.max_generations)"
    if limit:
        return _refuse(model_type, before, (signal.kind,), limit, signal.key, found)
    key = f"{model_type}:{before.n + 1}:{digest([state.versions.model_dump(), signal.key])}"
    found.requests.append(
        Regeneration(model_type, key, (signal.kind,), (GENERATION,), signal.why, generation=state.generation + 1)
    )
    answered = [*before.answered, *(s.key for s in state.signals if s.key not in before.answered)][-REMEMBERED:]
    return before.model_copy(update={"n": before.n + 1, "answered": answered, "refused": ""})


def _cooldown(state: Observed, now: datetime) -> str:
    """How long to wait for the next generation; empty where one may start."""
    if not state.generated_at:
        return ""
    since = now - datetime.fromisoformat(state.generated_at)
    if since < timedelta(0):
        return f"the clock went back: the last generation is of {state.generated_at}"
    left = timedelta(hours=state.settings.cooldown_hours) - since
    return f"the next generation may start in {left.total_seconds() / 3600:.1f} h" if left > timedelta(0) else ""


def _limit(state: Observed) -> str:
    """Why no run may start by itself this month; empty where one may."""
    if state.runs_this_month >= state.settings.runs_per_month:
        return f"{state.runs_this_month} automatic runs this month are as many as may be (retraining.runs_per_month)"
    return state.obstacle


def _refuse(model_type: str, before: Seen, triggers: tuple[str, ...], why: str, what: str, found: Plan) -> Seen:
    fingerprint = digest([what, why])
    if before.refused != fingerprint:
        found.refusals.append(Refusal(model_type, triggers, why))
    found.waiting[model_type] = f"{' and '.join(triggers)}: {why}"
    return before.model_copy(update={"refused": fingerprint})
