"""Test-only drivers of the artifact store: things made one from another, and work that is saved as it goes."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import digest, dumps
from srl_pipeline.contracts import Gate
from srl_pipeline.registry import ArtifactStore, Built, Outcome, SqliteHistory, StoredArtifact, build_or_reuse, entry_of
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.journal import Journal
from srl_pipeline_tests.chaos.child import Told
from srl_pipeline_tests.chaos.drivers import Facts
from srl_pipeline_tests.chaos.invariants import committed

TYPE = "lanterns"
STEPS = 5


def _remember(home: Path, built: Built, told: Told) -> None:
    """As a Dagster step does: the artifact, then its entry."""
    if not built.manifest.failed_gates:  # one that failed may be gone while it is made again
        told("artifact", built.manifest.asset, built.artifact.data_version, digest(built.manifest.digests))
    with closing(SqliteHistory(home / "history.sqlite")) as history:
        entry = history.append(entry_of(built.manifest))
    told("entry", entry.asset, entry.data_version, entry.at)


def _checked(home: Path, facts: Facts) -> None:
    """What was told is there, unaltered; one entry an artifact that was made."""
    there = {(a.manifest.asset, a.data_version): digest(a.manifest.digests) for a in committed(home)}
    kept = [fact for fact in facts if fact[0] == "artifact"]
    assert all(there[fact[1], fact[2]] == fact[3] for fact in kept), "an artifact is not as it was"
    if not (home / "history.sqlite").exists():
        assert not [f for f in facts if f[0] == "entry"]
        return
    with closing(SqliteHistory(home / "history.sqlite")) as history:
        entries = [(e.asset, e.data_version, e.at) for e in history.all_entries(TYPE)]
    assert len(entries) == len(set(entries)), "an entry is doubled"
    assert {f[1:] for f in facts if f[0] == "entry"} <= set(entries), "an entry is lost"


def _results(home: Path) -> dict[str, Any]:
    return {f"{a.manifest.asset} {a.data_version}": a.manifest.digests for a in committed(home)}


class Artifacts:
    """A pin, what rests on it, and something that fails its gate at first and is then made again."""

    def run(self, home: Path, told: Told) -> None:
        store = ArtifactStore(home / "artifacts")
        pin = self._make(store, "pin", {}, lambda work: self._write(work, "a law"))
        _remember(home, pin, told)
        data = self._make(store, "data", {"pin": pin.artifact}, lambda work: self._write(work, "what follows"))
        _remember(home, data, told)
        for _ in range(2):  # the first one fails its gate
            judged = self._make(store, "judged", {"data": data.artifact}, lambda work: self._judge(store, work))
            _remember(home, judged, told)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        _checked(home, facts)

    def result(self, home: Path) -> Any:
        assert all(not a.manifest.failed_gates for a in committed(home))
        return _results(home)

    def _make(self, store: ArtifactStore, asset: str, inputs: dict[str, StoredArtifact], make: Any) -> Built:
        return build_or_reuse(store, asset, TYPE, inputs=inputs, config={"n": 1}, code="c", make=make)

    def _write(self, work: Path, text: str) -> Outcome:
        (work / "_checkpoint").mkdir(exist_ok=True)
        write_durably(work / "_checkpoint" / "state.json", dumps({"text": text}))
        (work / "pages").mkdir(exist_ok=True)
        for n in range(2):
            (work / "pages" / f"{n}.txt").write_text(f"{text} {n}\n" * 2000, encoding="utf-8")
        return Outcome(metrics={"pages": 2.0}, gates=[Gate(name="whole", passed=True)])

    def _judge(self, store: ArtifactStore, work: Path) -> Outcome:
        (work / "verdict.txt").write_text("it holds", encoding="utf-8")
        again = bool(store.versions("judged", TYPE))
        return Outcome(metrics={}, gates=[Gate(name="second look", passed=again)])


class SavedWork:
    """Steps whose state is saved in the work folder, as a training does it: a later life goes on after the last.

    Saved work goes when everything else of a commit is done: who dies between that and the one rename that is left
    takes the steps once more.
    """

    def run(self, home: Path, told: Told) -> None:
        store = ArtifactStore(home / "artifacts")
        built = build_or_reuse(
            store, "trained", TYPE, inputs={}, config={}, code="c", make=lambda work: self._train(work, told)
        )
        _remember(home, built, told)

    def check(self, home: Path, facts: Facts, *, exact: bool) -> None:
        _checked(home, facts)
        done = [step for kind, step in (f[:2] for f in facts) if kind == "step"]
        once = done[: len(done) - STEPS] if done.count(1) > 1 else done
        assert once == sorted(set(once)), "a step that was saved was taken again"
        assert once == done or (once[-1] == STEPS and done[-STEPS:] == list(range(1, STEPS + 1)))

    def result(self, home: Path) -> Any:
        return _results(home)

    def _train(self, work: Path, told: Told) -> Outcome:
        state = work / "_state.json"
        step = int(json.loads(state.read_text())["step"]) if state.exists() else 0
        journal = Journal(work, "srl", STEPS)
        journal.resume(step)
        while step < STEPS:
            step += 1
            journal.finish({"step": float(step), "loss": 1.0 / step})
            write_durably(state, dumps({"step": step}))
            told("step", step)
        (work / "weights.txt").write_text(str([row["loss"] for row in journal.rows()]), encoding="utf-8")
        return Outcome(metrics={"steps": float(step)}, gates=[])
