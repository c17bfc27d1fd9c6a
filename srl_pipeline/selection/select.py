"""Choose who is responsible: measure, decide, write it down. One decision a check that was due, none otherwise.

A decision that changes something makes a setting (``generation.teacher``, ``student.name``) that holds for every later
run of the model type; the sensor sees another version and regenerates.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from srl_pipeline.clock import now
from srl_pipeline.config import PipelineConfig, settings_of_installation
from srl_pipeline.contracts import Json
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, Decision, Decisions
from srl_pipeline.selection.measure import FOLDER
from srl_pipeline.selection.questions import Measured, Question, student_question, teacher_question
from srl_pipeline.selection.records import Choice, Measurement, Responsibility
from srl_pipeline.selection.schedule import (
    CHECK,
    Check,
    down_since,
    enough,
    gone,
    last_check,
    reason,
    tasks_of,
    went_back,
)
from srl_pipeline.selection.scoring import assess
from srl_pipeline.selection.switching import decide

log = logging.getLogger("srl_pipeline")
SETTINGS: dict[Responsibility, str] = {"teacher": "generation.teacher", "student": "student.name"}
LISTS: dict[Responsibility, str] = {"teacher": "selection.candidates", "student": "selection.students"}


def select_teacher(
    home: Path, store: ArtifactStore, decisions: Decisions, pack: Pack, config: PipelineConfig
) -> Decision | None:
    """Check who is to teach a model type, if a check is due, and record the decision; None where none is due.

    Asks teachers, paid ones within ``config.budget``. Raises TeacherError when `teachers.yaml` cannot be read.
    """
    return _select(teacher_question(home, store, pack, config), decisions, home)


def select_student(
    home: Path, store: ArtifactStore, decisions: Decisions, pack: Pack, config: PipelineConfig
) -> Decision | None:
    """Check which student a model type is to train, by the reports that there are; None where no check is due.

    Raises ArtifactError when a report's manifest cannot be read.
    """
    return _select(student_question(store, pack, config), decisions, home)


def consider(question: Question, decisions: Decisions) -> Decision:
    """What would be decided now, whether a check is due or not. Teachers are asked; nothing is recorded."""
    last = last_check(decisions, question.kind, question.model_type)
    return _answer(question, decisions, last, _due(question, last) or "Somebody asked.")


def _select(question: Question, decisions: Decisions, home: Path) -> Decision | None:
    kind, name = question.kind, question.model_type
    lock = home / FOLDER / f"{name}-{kind}.lock"
    # decided by one process at a time: the second one finds that nothing is due any longer
    with exclusive(lock, lambda: log.info("another process chooses the %s of %s: waiting", kind, name)):
        last = last_check(decisions, kind, name)
        why = _due(question, last)
        if not why:
            return None
        decision = _answer(question, decisions, last, why)
        change = {SETTINGS[kind]: decision.after} if decision.verdict == "change" else None
        return decisions.record(decision, settings=change)


def _due(question: Question, last: Check | None) -> str:
    settings = question.config.selection
    return reason(last, enough(question.kind, settings), question.fingerprint(question.incumbent), now(), settings)


def _answer(question: Question, decisions: Decisions, last: Check | None, why: str) -> Decision:
    """The decision, not yet recorded."""
    config, incumbent, moment = question.config.selection, question.incumbent, now()
    seed, since = tasks_of(last, moment, config)
    measured, down = Measured([], {}, {}), dict[str, str]()
    if (because := _no_question(question, decisions, last)) is not None:
        choice = _no_change(incumbent, because)
    else:
        try:
            measured = question.measure(seed)
        except PipelineError as error:
            choice = _no_change(incumbent, f"the candidates could not be measured: {error.what}")
        else:
            down = down_since(last, (n for n, m in measured.figures.items() if m.hindrance == "down"), moment)
            figures = {name: _if_gone(m, down.get(name), moment) for name, m in measured.figures.items()}
            choice = decide(assess(measured.candidates, figures, incumbent, config), incumbent, config)
    at = moment.isoformat(timespec="seconds")
    check = Check(
        fingerprint=question.fingerprint(choice.chosen),
        seed=seed,
        since=since,
        at=at,
        incumbent=choice.chosen,
        down=down,
    )
    return Decision(
        at=at,
        model_type=question.model_type,
        kind=question.kind,
        verdict="change" if choice.change else "no change",
        subject=choice.chosen,
        before=incumbent,
        after=choice.chosen,
        reasons=[*choice.reasons, f"Why now: {why}"],
        alternatives=choice.alternatives,
        evidence=_evidence(question, measured, choice, check),
    )


def _no_question(question: Question, decisions: Decisions, last: Check | None) -> str | None:
    """Why nobody needs to be measured; None where somebody does."""
    kind, setting = question.kind, SETTINGS[question.kind]
    if not enough(kind, question.config.selection):
        return f"{LISTS[kind]} names fewer than two: there is nothing to choose."
    decided = decisions.settings(question.model_type).get(setting)
    if setting in settings_of_installation() or decided not in (None, question.incumbent):
        return f"a person set {setting} to {question.incumbent!r}, which holds over any decision."
    same = last is not None and last.fingerprint == question.fingerprint(question.incumbent)
    if last is not None and same and went_back(last, now()):
        return f"the clock went back: the last check is of {last.at}. The next one is counted from now on."
    return None


def _no_change(incumbent: str, because: str) -> Choice:
    reasons = [f"No change, because {because}"]
    return Choice(chosen=incumbent, change=False, reasons=reasons, alternatives=[], break_even=None)


def _if_gone(measured: Measurement, since: str | None, moment: datetime) -> Measurement:
    """Who has not answered for long cannot be asked."""
    if since is None or not gone(since, moment):
        return measured
    problem = f"It has not answered since the check of {since}: {measured.problem}"
    return measured.model_copy(update={"hindrance": "unavailable", "problem": problem})


def _evidence(question: Question, measured: Measured, choice: Choice, check: Check) -> dict[str, Json]:
    selection = question.config.selection
    return {
        CHECK: check.model_dump(mode="json"),
        "constraints": selection.model_dump(mode="json", exclude={"candidates", "students"}),
        "break_even": choice.break_even.model_dump(mode="json") if choice.break_even else None,
        "measured_on": measured.versions,
        "versions": {c.name: c.version for c in measured.candidates},
    }
