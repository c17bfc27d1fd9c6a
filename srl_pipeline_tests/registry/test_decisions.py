"""On every backend, a decision with its aliases and settings is one transaction, kept, and one process's at a time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srl_pipeline.registry import Alternative, Conflict, Decision, Decisions, actor
from srl_pipeline.registry.decided import decided_settings
from srl_pipeline.registry.places import open_decisions
from srl_pipeline_tests.aws.state import BACKENDS, SLOW_ON_DYNAMODB, Backend, use

PROCESSES = 8


@pytest.fixture
def kept(home: Path) -> Iterator[Decisions]:
    decisions = open_decisions(home)
    yield decisions
    decisions.close()


def decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "at": "2026-11-28T12:00:00+00:00",
        "model_type": "trees",
        "kind": "promotion",
        "verdict": "change",
        "subject": "v1",
        "before": "",
        "after": "v1",
        "reasons": ["It is better."],
    }
    return Decision(**(values | changes))


def test_a_decision_is_kept_with_all_that_it_says(kept: Decisions) -> None:
    told = decision(
        reasons=["It is better: +12 points.", "Nothing was forgotten."],
        alternatives=[Alternative(name="v1", chosen=True, why="better", figures={"pass_rate": 0.75})],
        evidence={"figures": {"pass_rate": 0.75}, "versions": ["a", "b"], "none": None},
    )
    whole = told.model_copy(update={"id": 1, "actor": actor()})
    assert kept.record(told) == whole
    assert kept.decisions() == [whole]


def test_newest_come_first_by_number_whatever_the_clock_says(kept: Decisions) -> None:
    for year in (2030, 2020, 2025):
        kept.record(decision(at=f"{year}-01-01T00:00:00+00:00"))
    assert [(d.id, d.at[:4]) for d in kept.decisions()] == [(3, "2025"), (2, "2020"), (1, "2030")]


def test_decisions_are_found_by_type_kind_and_number(kept: Decisions) -> None:
    kept.record(decision())
    kept.record(decision(kind="rollback"))
    kept.record(decision(model_type="sounds"))
    kept.record(decision())
    assert [d.id for d in kept.decisions("trees")] == [4, 2, 1]
    assert [d.id for d in kept.decisions("trees", kind="promotion")] == [4, 1]
    assert [d.id for d in kept.decisions(kind="promotion", last=2)] == [4, 3]
    assert kept.decisions("plants") == []


def test_aliases_and_settings_belong_to_one_model_type(kept: Decisions) -> None:
    kept.record(decision(), aliases={"current": "v1"}, settings={"generation.teacher": "large"})
    kept.record(decision(model_type="sounds"), aliases={"current": "v9"}, settings={"student.name": "tiny"})
    assert (kept.aliases("trees"), kept.aliases("sounds")) == ({"current": "v1"}, {"current": "v9"})
    assert kept.settings("trees") == {"generation.teacher": "large"}
    assert kept.settings("sounds") == {"student.name": "tiny"}


def test_an_alias_moves_and_none_takes_it_away(kept: Decisions) -> None:
    kept.record(decision(), aliases={"candidate": "v1"})
    kept.record(decision(), aliases={"current": "v1", "candidate": None})
    kept.record(decision(), aliases={"current": "v2", "previous": "v1"})
    assert kept.aliases("trees") == {"current": "v2", "previous": "v1"}


def test_settings_keep_their_types_and_none_takes_one_back(kept: Decisions) -> None:
    values: dict[str, Any] = {"generation.generation": 3, "srl.learning_rate": 1e-5, "a.list": ["x"], "a.flag": False}
    kept.record(decision(), settings=values)
    assert kept.settings("trees") == values
    kept.record(decision(), settings={"a.list": None, "never.set": None})
    assert kept.settings("trees") == {name: value for name, value in values.items() if name != "a.list"}


def test_an_alias_that_is_another_one_by_now_changes_nothing_at_all(kept: Decisions) -> None:
    kept.record(decision(), aliases={"current": "v1"})
    with pytest.raises(Conflict, match="the alias 'current' is v1 now, not unset"):
        kept.record(
            decision(after="v2"),
            aliases={"current": "v2", "candidate": "v3"},
            settings={"generation.teacher": "large"},
            expected={"current": None},
        )
    assert kept.aliases("trees") == {"current": "v1"}
    assert (kept.settings("trees"), len(kept.decisions())) == ({}, 1)


def test_an_expected_alias_that_was_taken_away_is_a_conflict_too(kept: Decisions) -> None:
    with pytest.raises(Conflict, match="is not set now, not v1"):
        kept.record(decision(), aliases={"current": "v2"}, expected={"current": "v1"})


def test_an_alias_of_another_type_is_no_conflict(kept: Decisions) -> None:
    kept.record(decision(model_type="sounds"), aliases={"current": "v9"})
    kept.record(decision(), aliases={"current": "v1"}, expected={"current": None})
    assert kept.aliases("trees") == {"current": "v1"}


def test_what_was_decided_is_there_when_it_is_opened_again(home: Path, kept: Decisions) -> None:
    kept.record(decision(), aliases={"current": "v1"}, settings={"generation.teacher": "large"})
    again = open_decisions(home)
    assert (again.aliases("trees"), [d.id for d in again.decisions()]) == ({"current": "v1"}, [1])
    again.close()
    assert decided_settings(home, "trees") == {"generation.teacher": "large"}


CLAIM = """
import sys
from pathlib import Path
from srl_pipeline.registry import Conflict, Decision
from srl_pipeline.registry.places import open_decisions

home, me = Path(sys.argv[1]), sys.argv[2]
decisions = open_decisions(home)
told = Decision(at="2026-11-28T12:00:00+00:00", model_type="trees", kind="promotion", verdict="change", subject=me,
                before="v0", after=me, reasons=["mine"])
print("ready", flush=True)
sys.stdin.readline()
try:
    decisions.record(told, aliases={"current": me, "previous": "v0"}, expected={"current": "v0"})
    print("won")
except Conflict:
    print("lost")
"""


@pytest.mark.parametrize("home", SLOW_ON_DYNAMODB, indirect=True)
def test_of_eight_processes_that_move_one_alias_exactly_one_wins(home: Path, kept: Decisions) -> None:
    kept.record(decision(), aliases={"current": "v0"})
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(home), f"p{i}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(PROCESSES)
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:  # all are waiting: now they go at once
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.communicate(timeout=60)[0].strip() for child in children]
    assert sorted(said) == ["lost"] * (PROCESSES - 1) + ["won"]
    winner = f"p{said.index('won')}"
    assert kept.aliases("trees") == {"current": winner, "previous": "v0"}
    assert [d.subject for d in kept.decisions()] == [winner, "v1"]


def test_of_threads_that_move_one_alias_exactly_one_wins_and_the_others_undo_only_their_own(
    kept: Decisions,
) -> None:
    def claim(i: int) -> bool:
        kept.record(decision(model_type=f"free-{i}"), aliases={"current": "x"})
        try:
            kept.record(decision(subject=f"t{i}"), aliases={"current": f"t{i}"}, expected={"current": None})
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        won = list(threads.map(claim, range(10)))
    assert won.count(True) == 1
    assert kept.aliases("trees") == {"current": f"t{won.index(True)}"}
    assert len(kept.decisions()) == 11


ALIASES = st.dictionaries(st.sampled_from(["candidate", "current", "previous"]), st.sampled_from(["a", "b", None]))


@pytest.mark.parametrize("backend", BACKENDS)
@given(st.lists(st.tuples(ALIASES, ALIASES), max_size=8))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_does_what_a_dictionary_does_whatever_is_asked(
    backend: Backend, steps: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    held: dict[str, str] = {}
    recorded = 0
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        use(backend, monkeypatch)
        kept = open_decisions(Path(folder))
        for aliases, expected in steps:
            moved: Any = aliases
            wanted: Any = expected
            if all(held.get(alias) == version for alias, version in expected.items()):
                kept.record(decision(), aliases=moved, expected=wanted)
                held = {a: v for a, v in (held | aliases).items() if v is not None}
                recorded += 1
            else:
                with pytest.raises(Conflict):
                    kept.record(decision(), aliases=moved, expected=wanted)
            assert kept.aliases("trees") == held
        assert [d.id for d in kept.decisions()] == list(range(recorded, 0, -1))
        kept.close()
