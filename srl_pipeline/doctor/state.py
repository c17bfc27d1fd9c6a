"""Where artifacts and state are kept: addresses, files that are sound, the clock; online also bucket and table."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from srl_pipeline.clock import AHEAD, now
from srl_pipeline.doctor.finding import Finding, ok, problem, warning
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.registry import DECISIONS, HISTORY, LEDGER
from srl_pipeline.registry.history import Entry, History
from srl_pipeline.registry.places import STATE, STORE, open_history, open_store, state_table
from srl_pipeline.tuning.sqlite_jobs import TUNING

FILES = (LEDGER, HISTORY, DECISIONS, TUNING)
MADE = ("trajectories", "srl_checkpoint", "rlvr_checkpoint", "eval_report", "registered_model")
"""Assets whose newest entries tell until when the clock had come."""
TOLERANCE = timedelta(seconds=60)
"""Clocks of machines that share a history differ."""


def store(installation: Installation) -> list[Finding]:
    """The artifacts' address; with ``--online`` whether the bucket answers, and keeps what is overwritten."""
    opened = open_store(installation.home)
    if not os.environ.get(STORE, "").strip():
        return [ok(f"artifacts lie in {opened.address}")]
    if not installation.online:
        return [ok(f"artifacts lie in {opened.address}; not asked without --online")]
    from srl_pipeline.registry.s3_store import S3ArtifactStore

    assert isinstance(opened, S3ArtifactStore)  # no other address is taken
    if opened.bucket.keeps_versions():
        return [ok(f"{opened.address} answers, and keeps versions")]
    return [
        warning(
            "The bucket keeps no versions: what is overwritten or deleted by mistake is gone.",
            where=opened.address,
            mend="Switch versioning on (aws s3api put-bucket-versioning; Terraform does).",
        )
    ]


def table(installation: Installation) -> list[Finding]:
    """The address of ledger, history and decisions; with ``--online`` whether the table can be used."""
    name = state_table()
    if not name:
        return [ok("state is kept in files")]
    if not installation.online:
        return [ok(f"state is kept in the DynamoDB table {name}; not asked without --online")]
    from srl_pipeline.registry.dynamo.table import open_table

    open_table(name).close()
    return [ok(f"the DynamoDB table {name} is active")]


def files(installation: Installation) -> list[Finding]:
    """The SQLite files of an installation that keeps its state so: each opens, and its pages are sound."""
    if state_table():
        return [ok(f"none: state is kept where {STATE} says")]
    there = [installation.home / name for name in FILES if installation.has_file(name)]
    wrong = [told for file in there if (told := file_finding(file))]
    return wrong or [ok(f"sound: {', '.join(f.name for f in there)}" if there else "none yet")]


def file_finding(file: Path) -> Finding | None:
    """What is wrong with a database; None where it is sound. It is opened as the program opens it, and not written."""
    mend = "Restore it from a copy, or move it away: a new one is begun, which knows nothing of what was spent or made."
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as database:
            said = [str(line) for (line,) in database.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error as error:
        return problem(f"{file.name} cannot be read: {error}.", where=str(file), mend=mend)
    return None if said == ["ok"] else problem(f"{file.name} is damaged: {said[0]}", where=str(file), mend=mend)


def clock(installation: Installation) -> list[Finding]:
    """This machine's clock against the newest entry of the history.

    Of files only: where state is kept in a table, AWS itself refuses a clock that is wrong.
    """
    ahead = os.environ.get(AHEAD)
    try:
        today = now()
    except ValueError:
        where = f"environment variable {AHEAD}"
        return [problem("It is no number of seconds.", where=where, mend="Unset it: it is for rehearsals.")]
    newest = None
    if not state_table() and installation.has_file(HISTORY):
        with closing(open_history(installation.home)) as history:
            newest = _newest(history, sorted(installation.packs[0]))
    return [clock_finding(today, newest.at if newest else None, ahead)]


def clock_finding(today: datetime, newest: str | None, ahead: str | None) -> Finding:
    """``newest``: when the newest entry was made; None where nothing was. ``ahead``: of a rehearsal, in seconds."""
    if newest is not None and (lag := datetime.fromisoformat(newest) - today) > TOLERANCE:
        return warning(
            f"The clock went back: it is {today:%Y-%m-%d %H:%M} UTC; the newest entry of the history is of {newest}.",
            where="this machine's clock",
            mend=f"Set the clock (NTP). Until then automatic trainings wait anew; it lags by {lag}.",
        )
    if ahead:
        return warning(
            f"The clock is put forward by {ahead} seconds.",
            where=f"environment variable {AHEAD}",
            mend="Unset it where this is no rehearsal.",
        )
    return ok(f"{today:%Y-%m-%d %H:%M} UTC" + (f"; the newest entry is of {newest}" if newest else ""))


def _newest(history: History, model_types: list[str]) -> Entry | None:
    last = [e for t in model_types for asset in MADE for e in history.entries(asset, t, last=1)]
    return max(last, key=lambda entry: entry.seq, default=None)
