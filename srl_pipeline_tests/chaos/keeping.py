"""Test-only drivers of the SQLite stores: history, decisions, money, tuning jobs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srl_pipeline.registry import (
    Alternative,
    Decision,
    Entry,
    SqliteDecisions,
    SqliteHistory,
    SqliteLedger,
)
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline.teachers.calls.caller import Caller
from srl_pipeline.teachers.calls.records import ModelCall, Reply
from srl_pipeline.tuning.sqlite_jobs import TUNING, SqliteTuningJobs
from srl_pipeline_tests.chaos.child import Told
from srl_pipeline_tests.chaos.drivers import Facts
from srl_pipeline_tests.chaos.invariants import sound_databases
from srl_pipeline_tests.teachers.calls.scripted import ACCOUNT, CAPS, COST, Desk, call, entry, reply
from srl_pipeline_tests.tuning.examples import job

TYPE, AT = "lanterns", "2026-11-01T00:00:00+00:00"
VERSIONS = ("v1", "v2", "v3")
QUESTIONS = ("who", "what", "where", "who", "when")
PHASES = ("planned", "reserved", "uploaded", "submitted")


class Histories:
    """What was made, entered once each; who does not know whether an entry was kept enters it again."""

    def run(self, home: Path, told: Told) -> None:
        with closing(SqliteHistory(home / "history.sqlite")) as history:
            for n in range(4):
                seq = history.append(_entry(n)).seq
                told("entry", n, seq)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        if not facts and not (home / "history.sqlite").exists():
            return
        with closing(SqliteHistory(home / "history.sqlite")) as history:
            kept = {e.seq: e for e in history.all_entries(TYPE)}
        assert all(kept[seq] == _entry(n).model_copy(update={"seq": seq}) for _, n, seq in facts), "an entry is lost"
        sound_databases(home)

    def result(self, home: Path) -> Any:
        with closing(SqliteHistory(home / "history.sqlite")) as history:
            return [(e.asset, e.data_version) for e in history.all_entries(TYPE)]


def _entry(n: int) -> Entry:
    """Of an asset of its own: a life that begins anew enters all of them again."""
    return Entry(
        at=AT,
        asset=f"asset {n}",
        model_type=TYPE,
        data_version=f"v{n}",
        inputs={},
        metrics={"pass_rate": n / 10},
        failed_gates=[],
        seconds=1.0,
        cost_usd=0.0,
    )


class Promotions:
    """Each version is promoted once: the alias, a setting and the decision that explains them are one."""

    def run(self, home: Path, told: Told) -> None:
        with closing(SqliteDecisions(home / "decisions.sqlite")) as decisions:
            for version in VERSIONS:
                current = decisions.aliases(TYPE).get("current")
                if current is not None and current >= version:
                    continue
                kept = decisions.record(
                    _decision(version, current or ""),
                    aliases={"current": version, "previous": current},
                    settings={"srl.steps": int(version[1:])},
                    expected={"current": current},
                )
                told("decision", version, kept.id)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        if not facts and not (home / "decisions.sqlite").exists():
            return
        with closing(SqliteDecisions(home / "decisions.sqlite")) as decisions:
            kept = {d.id: d.after for d in decisions.decisions(TYPE)}
            aliases, settings = decisions.aliases(TYPE), decisions.settings(TYPE)
            explained = decisions.setting_decisions(TYPE)
        assert len(kept) == len(set(kept.values())), "a decision is doubled"
        assert all(kept[number] == version for _, version, number in facts), "a decision is lost"
        newest = max(kept.values(), default=None)
        assert aliases.get("current") == newest, "an alias without its decision"
        assert settings.get("srl.steps") == (int(newest[1:]) if newest else None)
        assert all(d.after == newest for d in explained.values())
        sound_databases(home)

    def result(self, home: Path) -> Any:
        with closing(SqliteDecisions(home / "decisions.sqlite")) as decisions:
            told = [(d.before, d.after) for d in reversed(decisions.decisions(TYPE))]
            return told, decisions.aliases(TYPE), decisions.settings(TYPE)


def _decision(version: str, before: str) -> Decision:
    return Decision(
        at=AT,
        model_type=TYPE,
        kind="promotion",
        verdict="change",
        subject=version,
        before=before,
        after=version,
        reasons=["It solves more."],
        alternatives=[Alternative(name=version, chosen=True, why="It solves more.")],
    )


@dataclass
class Vendor:
    """Answers and bills; a repeated idempotency key is billed once. What it billed lies outside of the home."""

    bill: Path
    vendor: str = "openai"

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        with self.bill.open("a") as handle:
            handle.write(json.dumps([idempotency_key, call.messages[-1].content]) + "\n")
        return reply(f"of {call.messages[-1].content}")

    def close(self) -> None:
        pass

    def requests(self) -> list[tuple[str, str]]:
        """Key and question of each request."""
        return [tuple(json.loads(line)) for line in self.bill.read_text().splitlines()] if self.bill.exists() else []


@contextmanager
def _desk(home: Path) -> Iterator[Desk]:
    desk = Desk(home)
    try:
        yield desk
    finally:
        desk.cache.close()
        desk.ledger.close()


class Money:
    """Questions to a vendor, by the real caller: held, asked, kept, committed."""

    def run(self, home: Path, told: Told) -> None:
        with _desk(home) as desk:
            caller = Caller(_vendor(home), entry(idempotent=True), desk.cache, desk.ledger, ACCOUNT, CAPS)
            for question in QUESTIONS:
                answered = caller.ask(call(question))
                told("answer", call(question).key, answered.reply.text)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        requests = _vendor(home).requests()
        if not (home / "ledger.sqlite").exists() or not (home / "calls.sqlite").exists():
            assert not facts and not requests
            return
        with closing(CallCache(home / "calls.sqlite")) as cache:
            for _, key, text in facts:
                kept = cache.get(key)
                assert kept is not None and kept.text == text, "an answer that was paid for is lost"
        billed = len({key for key, _ in requests}) * COST
        with closing(SqliteLedger(home / "ledger.sqlite")) as ledger:
            balance = ledger.spent_by_run(ACCOUNT.run)
        assert balance.committed + balance.held >= billed, "less is counted than the vendor bills"
        if exact:
            assert balance.committed <= billed, "more is committed than the vendor bills"
        sound_databases(home)

    def result(self, home: Path) -> Any:
        """A request may be sent twice, by two lives, and only if the first one died before the answer was kept."""
        repeated = [n for n in Counter(key for key, _ in _vendor(home).requests()).values() if n > 1]
        assert len(repeated) <= 1 and max(repeated, default=2) == 2, "a question was sent again and again"
        with closing(CallCache(home / "calls.sqlite")) as cache:
            return {q: str(cache.get(call(q).key)) for q in set(QUESTIONS)} | {"open": self._held(home)}

    def _held(self, home: Path) -> int:
        with closing(SqliteLedger(home / "ledger.sqlite")) as ledger:
            return ledger.spent_by_run(ACCOUNT.run).held


def _vendor(home: Path) -> Vendor:
    return Vendor(home.with_name(home.name + ".bill"))


class Jobs:
    """A tuning job from phase to phase: who writes has read the newest."""

    def run(self, home: Path, told: Told) -> None:
        with closing(SqliteTuningJobs(home / TUNING)) as jobs:
            for key in ("a", "b"):
                found = jobs.get(key)
                done = PHASES.index(found.phase) + 1 if found else 0
                for phase in PHASES[done:]:
                    newest = jobs.get(key) or job(key=key)
                    kept = jobs.put(newest.model_copy(update={"phase": phase}))
                    told("phase", key, phase, kept.revision)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        if not facts and not (home / TUNING).exists():
            return
        with closing(SqliteTuningJobs(home / TUNING)) as jobs:
            kept = {j.key: j for j in jobs.jobs()}
        for _, key, phase, revision in facts:
            assert kept[key].revision >= revision and PHASES.index(kept[key].phase) >= PHASES.index(phase)
        assert len({f[1:3] for f in facts}) == len(facts), "a phase was entered twice"
        sound_databases(home)

    def result(self, home: Path) -> Any:
        with closing(SqliteTuningJobs(home / TUNING)) as jobs:
            return [(j.key, j.phase, j.revision) for j in jobs.jobs()]
