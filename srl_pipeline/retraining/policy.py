"""What starts a training by itself. Pure: what is seen and a cursor in; requests, refusals and the next cursor out.

- **A change** of teacher, rules, lore or student asks for a run of what rests on it, once it has stayed as it is for
  ``quiet_seconds``: edits come in series.
- **A signal** (weaknesses, drift of live requests, enough of them) asks for a new generation, ``cooldown_hours`` after
  the last one, and is answered once.
- **A run that failed** is asked for once more after ``retry_hours``; whatever is asked for later includes it.
- While a run of a model type waits or is under way there is no second one: what changes meanwhile is answered after it.
- Limits and money refuse; a refusal is told once and looked at again at every tick.

Run keys deduplicate for ever, so each carries a counter: without it a return to an earlier version would be dropped. A
crash before the cursor is saved asks for the same key again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from srl_pipeline.canonical import digest
from srl_pipeline.retraining.cursor import read_cursor, write_cursor
from srl_pipeline.retraining.records import (
    GENERATION,
    PINS,
    Asked,
    Observed,
    Obstacle,
    Pending,
    Refusal,
    Regeneration,
    Seen,
    Signal,
)

REMEMBERED = 16
"""Answered signals that are remembered."""
UNTAUGHT = frozenset({PINS["student"]})
"""Where a run that begins here asks no teacher."""


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
            answered = [s.key for s in state.signals]
            # not from 0: a cursor that was cleared would use keys again, which are dropped
            seen[model_type] = Seen(**state.versions.model_dump(), n=state.runs_ever, answered=answered)
        else:
            seen[model_type] = _Type(model_type, before, state, now, found).next()
    return Plan(found.requests, found.refusals, found.waiting, found.first_seen, write_cursor(seen))


@dataclass(frozen=True)
class _Type:
    """One model type: what was last answered, what is now, and where to say what follows."""

    name: str
    before: Seen
    state: Observed
    now: datetime
    found: Plan

    def next(self) -> Seen:
        """What to remember."""
        before, versions = self.before, self.state.versions
        if not before.student:  # a cursor of before students were watched
            before = before.model_copy(update={"student": versions.student})
        if changed := tuple(name for name in PINS if getattr(before, name) != getattr(versions, name)):
            return self._changed(before, changed)
        before = before.model_copy(update={"pending": None})
        if self._failed(before) and before.asked and not before.asked.again:
            return self._again(before, before.asked)
        signal = next((s for s in self.state.signals if s.key not in before.answered), None)
        return self._signalled(before, signal) if signal else before

    def _changed(self, before: Seen, changed: tuple[str, ...]) -> Seen:
        fingerprint = digest(self.state.versions.model_dump())
        pending = before.pending
        if pending is None or pending.fingerprint != fingerprint or datetime.fromisoformat(pending.since) > self.now:
            pending = Pending(fingerprint=fingerprint, since=self.now.isoformat(timespec="milliseconds"))
        before = before.model_copy(update={"pending": pending})
        what = " and ".join(changed)
        left = self.state.settings.quiet_seconds - self._since(pending.since).total_seconds()
        if self.state.running:
            return self._wait(before, f"{what} changed; a run of it is under way, the next one follows")
        if left > 0:
            return self._wait(before, f"{what} changed; it must stay as it is for {left:.0f} s more")
        assets = self._with_lost(before, [PINS[name] for name in changed])
        if obstacle := self._obstacle(assets):
            return self._refuse(before, changed, obstacle, fingerprint)
        after = Seen(n=before.n, answered=before.answered, **self.state.versions.model_dump())
        return self._ask(after, changed, assets, f"{what.capitalize()} changed.", fingerprint)

    def _again(self, before: Seen, asked: Asked) -> Seen:
        if self.state.running:
            return before
        left = timedelta(hours=self.state.settings.retry_hours) - max(timedelta(0), self._since(asked.at))
        if left > timedelta(0):
            return self._wait(before, f"the last run failed; it is started once more in {left.total_seconds():.0f} s")
        if obstacle := self._obstacle(asked.assets):
            return self._refuse(before, asked.triggers, obstacle, asked.key)
        return self._ask(before, asked.triggers, asked.assets, "The last run failed.", asked.key, again=True)

    def _signalled(self, before: Seen, signal: Signal) -> Seen:
        if self.state.running:
            return self._wait(before, f"{signal.kind}: a run of it is under way")
        if wait := self._cooldown():
            return self._wait(before, f"{signal.kind}: {wait}")
        obstacle, last = self._obstacle([GENERATION]), self.state.settings.max_generations
        if not obstacle and self.state.generation >= last:
            why = f"generation {last} is the last that may start by itself (retraining.max_generations)"
            obstacle = Obstacle(kind="generations", why=why)
        if obstacle:
            return self._refuse(before, (signal.kind,), obstacle, signal.key)
        answered = [*before.answered, *(s.key for s in self.state.signals if s.key not in before.answered)]
        before = before.model_copy(update={"answered": answered[-REMEMBERED:]})
        what = digest([self.state.versions.model_dump(), signal.key])
        generation = self.state.generation + 1
        assets = self._with_lost(before, [GENERATION])
        return self._ask(before, (signal.kind,), assets, signal.why, what, generation=generation)

    def _ask(
        self,
        before: Seen,
        triggers: Sequence[str],
        assets: Sequence[str],
        why: str,
        fingerprint: str,
        *,
        generation: int | None = None,
        again: bool = False,
    ) -> Seen:
        key = f"{self.name}:{before.n + 1}:{fingerprint}"
        self.found.requests.append(Regeneration(self.name, key, tuple(triggers), tuple(assets), why, generation))
        at = self.now.isoformat(timespec="seconds")
        asked = Asked(key=key, at=at, triggers=list(triggers), assets=list(assets), again=again)
        return before.model_copy(update={"n": before.n + 1, "asked": asked, "refused": ""})

    def _wait(self, before: Seen, why: str) -> Seen:
        self.found.waiting[self.name] = why
        return before

    def _refuse(self, before: Seen, triggers: Sequence[str], obstacle: Obstacle, what: str) -> Seen:
        fingerprint = digest([what, obstacle.kind])
        if before.refused != fingerprint:
            self.found.refusals.append(Refusal(self.name, tuple(triggers), obstacle.why))
        return self._wait(
            before.model_copy(update={"refused": fingerprint}), f"{' and '.join(triggers)}: {obstacle.why}"
        )

    def _with_lost(self, before: Seen, assets: list[str]) -> list[str]:
        """``assets``, and what the last run was to make where it failed: no later run would make it otherwise."""
        lost = before.asked.assets if before.asked and self._failed(before) else []
        return [*assets, *(name for name in lost if name not in assets)]

    def _failed(self, before: Seen) -> bool:
        return before.asked is not None and before.asked.key in self.state.failed

    def _cooldown(self) -> str:
        """How long to wait for the next generation; empty where one may start."""
        if not self.state.generated_at:
            return ""
        since = self._since(self.state.generated_at)
        if since < timedelta(0):
            return f"the clock went back: the last generation is of {self.state.generated_at}"
        left = timedelta(hours=self.state.settings.cooldown_hours) - since
        return f"the next generation may start in {left.total_seconds() / 3600:.1f} h" if left > timedelta(0) else ""

    def _obstacle(self, assets: Sequence[str]) -> Obstacle | None:
        """Why a run that begins with ``assets`` may not start; None where it may."""
        runs, most = self.state.runs_this_month, self.state.settings.runs_per_month
        if runs >= most:
            why = f"{runs} automatic runs this month are as many as may be (retraining.runs_per_month)"
            return Obstacle(kind="runs", why=why)
        return None if UNTAUGHT.issuperset(assets) else self.state.no_teaching

    def _since(self, moment: str) -> timedelta:
        return self.now - datetime.fromisoformat(moment)
