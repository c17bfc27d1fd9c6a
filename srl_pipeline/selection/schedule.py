"""When a check is due: the first time, when something changed, and every so many days. Pure but for reading decisions.

The last check is the newest decision of its kind by `id`; its dates are the clock's, which may go back. Where it did, a
check is due that changes nothing and has a date from which the next one is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import Field, ValidationError

from srl_pipeline.config import SelectionConfig
from srl_pipeline.contracts import Record
from srl_pipeline.registry import Decision, Decisions
from srl_pipeline.selection.records import Responsibility

CHECK = "check"
"""Where a decision's evidence keeps it."""
RETRY = timedelta(days=1)
"""After which an incumbent that did not answer is asked again."""
CLOCK_SLACK = timedelta(hours=1)
"""By which clocks may be corrected without anybody being told."""


class Check(Record):
    """What is remembered of a check."""

    fingerprint: str = Field(description="Of all that calls for a new check when it changes.")
    seed: str = Field(description="Of the tasks: the same ones are asked until the next check that is due by time.")
    since: str = Field(description="ISO 8601: from when on `recheck_days` count.")
    at: str = Field(description="ISO 8601: when this check was made.")
    incumbent: str = Field(description="Who was responsible after it.")
    down: dict[str, str] = Field(
        default_factory=dict[str, str], description="Candidates that did not answer -> since which check (ISO 8601)."
    )


def last_check(decisions: Decisions, kind: Responsibility, model_type: str) -> Check | None:
    """The newest one; None where none was made, or where the newest decision of its kind was none."""
    for decision in decisions.decisions(model_type, kind=kind, last=1):
        return check_of(decision)
    return None


def check_of(decision: Decision) -> Check | None:
    """The check that a decision rests on; None where it rests on something else."""
    try:
        return Check.model_validate(decision.evidence.get(CHECK))
    except ValidationError:
        return None


def due(
    decisions: Decisions,
    kind: Responsibility,
    model_type: str,
    config: SelectionConfig,
    fingerprint: str,
    now: datetime,
) -> str:
    """Why a check is due: a sentence; empty where none is.

    Args:
        fingerprint: `teacher_fingerprint` or `student_fingerprint` of now.
    """
    return reason(last_check(decisions, kind, model_type), enough(kind, config), fingerprint, now, config)


def enough(kind: Responsibility, config: SelectionConfig) -> bool:
    """Whether there is anything to choose: two candidates at least."""
    return len(set(config.candidates if kind == "teacher" else config.students)) >= 2


def reason(last: Check | None, enough: bool, fingerprint: str, now: datetime, config: SelectionConfig) -> str:
    """The same, of the last check. A list that became too short is told once; one that always was is no matter."""
    if last is None:
        return "It was never checked." if enough else ""
    if last.fingerprint != fingerprint:
        return "Candidates, versions, prices, caps or constraints changed."
    if not enough:
        return ""
    if went_back(last, now):
        # without the time of now: whoever asks for a check by its reason would ask anew at every look
        return f"The clock went back: the last check is of {last.at}, which is still to come."
    if by_time(last, now, config):
        return f"The tasks are of {last.since}: selection.recheck_days is {config.recheck_days:g}."
    if last.incumbent in last.down and now - datetime.fromisoformat(last.at) >= RETRY:
        return f"{last.incumbent} did not answer at the last check, of {last.at}."
    return ""


def went_back(last: Check, now: datetime) -> bool:
    """Whether the last check lies in the future."""
    newest = max(datetime.fromisoformat(last.at), datetime.fromisoformat(last.since))
    return now < newest - CLOCK_SLACK


def down_since(last: Check | None, names: Iterable[str], now: datetime) -> dict[str, str]:
    """Since which check the candidates that do not answer now have not answered, without a break."""
    known = last.down if last else {}
    return {name: known.get(name, now.isoformat(timespec="seconds")) for name in sorted(names)}


def gone(since: str, now: datetime) -> bool:
    """Whether it counts as unavailable: one short outage must not cost anybody the place."""
    return now - datetime.fromisoformat(since) >= RETRY


def tasks_of(last: Check | None, now: datetime, config: SelectionConfig) -> tuple[str, str]:
    """Seed of the tasks that are asked now, and from when on days count.

    The seed is a day, so that whoever only looked pays for the same tasks that are then decided on. A change of prices
    or candidates between two checks by time is answered on the same tasks: what is known is not asked again.
    """
    moment = now.isoformat(timespec="seconds")
    if last is None or by_time(last, now, config):
        return moment[:10], moment
    return last.seed, moment if went_back(last, now) else last.since


def by_time(last: Check, now: datetime, config: SelectionConfig) -> bool:
    """Whether `recheck_days` have passed."""
    return now - datetime.fromisoformat(last.since) >= timedelta(days=config.recheck_days)
