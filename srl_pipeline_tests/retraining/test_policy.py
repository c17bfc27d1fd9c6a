"""What the registry sensor decides, without Dagster."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.config import RetrainingConfig
from srl_pipeline.errors import PipelineError
from srl_pipeline.retraining import Observed, Obstacle, Plan, Signal, Versions, plan

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
START = Versions(teacher="t1", rules="r1", lore="l1", student="tiny")
AT_ONCE = RetrainingConfig(quiet_seconds=0)
WEAK = Signal(kind="weakness", key="weakness:w1", why="Two slices are weak.")
NO_MONEY = Obstacle(kind="money", why="the month's money is spent: 9.10 of 9.00")
DRIFT = Signal(kind="drift", key="drift:1", why="Live requests are solved less often.")


def of(*signals: Signal, settings: RetrainingConfig = AT_ONCE, **changes: str) -> Observed:
    return Observed(START.model_copy(update=changes), settings, signals)


def seen(**models: Observed) -> str:
    return plan(None, models or {"inns": of()}, NOON).cursor


def keys(decided: Plan) -> list[str]:
    return [r.run_key for r in decided.requests]


def asked(cursor: str, state: Observed, now: datetime = NOON) -> Plan:
    return plan(cursor, {"inns": state}, now)


def test_the_first_sight_is_recorded_and_starts_nothing() -> None:
    both = {"inns": of(WEAK), "boats": of()}
    decided = plan(None, both, NOON)
    assert decided.requests == []
    assert decided.first_seen == ["boats", "inns"]
    again = plan(decided.cursor, both, NOON)
    assert (again.first_seen, again.requests) == ([], [])


def test_no_change_asks_for_nothing_and_keeps_the_cursor() -> None:
    cursor = seen()
    assert asked(cursor, of()) == Plan(cursor=cursor)


@pytest.mark.parametrize(
    ("part", "asset"),
    [("teacher", "teacher_model"), ("rules", "rule_set"), ("lore", "lore_index"), ("student", "srl_checkpoint")],
)
def test_a_change_asks_for_what_rests_on_it(part: str, asset: str) -> None:
    [request] = asked(seen(), of(**{part: "new"})).requests
    assert (request.model_type, request.assets, request.generation) == ("inns", (asset,), None)


def test_two_changes_at_once_are_one_request() -> None:
    [request] = asked(seen(), of(teacher="t2", rules="r2")).requests
    assert request.assets == ("teacher_model", "rule_set")


def test_only_the_model_type_that_changed_is_asked_for() -> None:
    decided = plan(seen(inns=of(), boats=of()), {"inns": of(), "boats": of(rules="r2")}, NOON)
    assert [r.model_type for r in decided.requests] == ["boats"]


def test_a_rollback_to_an_earlier_version_has_a_key_of_its_own() -> None:
    first = asked(seen(), of(rules="r2"))
    back = asked(first.cursor, of())
    forth = asked(back.cursor, of(rules="r2"))
    assert len({*keys(first), *keys(back), *keys(forth)}) == 3


def test_a_crash_before_the_cursor_is_saved_asks_for_the_same_key_again() -> None:
    cursor = seen()
    assert keys(asked(cursor, of(lore="l2"))) == keys(asked(cursor, of(lore="l2"))) != []


def test_a_series_of_edits_is_answered_once_when_it_has_been_quiet() -> None:
    patient = RetrainingConfig(quiet_seconds=20)

    def edited(rules: str, after: float, cursor: str) -> Plan:
        return asked(cursor, of(rules=rules, settings=patient), NOON + timedelta(seconds=after))

    first = edited("r2", 0, seen())
    second = edited("r3", 15, first.cursor)
    third = edited("r3", 30, second.cursor)
    fourth = edited("r3", 36, third.cursor)
    assert [len(p.requests) for p in (first, second, third, fourth)] == [0, 0, 0, 1]
    assert "for 5 s more" in third.waiting["inns"]


def test_a_change_that_is_undone_while_it_is_waited_for_asks_for_nothing() -> None:
    patient = RetrainingConfig(quiet_seconds=20)
    waiting = asked(seen(), of(rules="r2", settings=patient))
    undone = asked(waiting.cursor, of(settings=patient), NOON + timedelta(seconds=60))
    assert undone.requests == [] and undone.cursor == seen()


def test_a_clock_that_goes_back_begins_the_waiting_anew() -> None:
    patient = RetrainingConfig(quiet_seconds=20)
    waiting = asked(seen(), of(rules="r2", settings=patient))
    earlier = asked(waiting.cursor, of(rules="r2", settings=patient), NOON - timedelta(hours=1))
    later = asked(earlier.cursor, of(rules="r2", settings=patient), NOON - timedelta(minutes=59))
    assert (len(earlier.requests), len(later.requests)) == (0, 1)


def test_there_is_never_a_second_run_of_one_type_and_the_change_is_answered_after_the_first() -> None:
    busy = asked(seen(), replace(of(rules="r2"), running=True))
    assert busy.requests == [] and "under way" in busy.waiting["inns"]
    assert len(asked(busy.cursor, of(rules="r2")).requests) == 1


def test_a_signal_begins_a_new_generation_and_is_answered_once() -> None:
    weak = replace(of(WEAK), generation=3)
    first = asked(seen(), weak)
    [request] = first.requests
    assert (request.triggers, request.assets, request.generation) == (("weakness",), ("trajectories",), 4)
    assert asked(first.cursor, weak).requests == []


def test_of_several_signals_one_generation_answers_all() -> None:
    first = asked(seen(), of(WEAK, DRIFT))
    assert [r.triggers for r in first.requests] == [("weakness",)]
    assert asked(first.cursor, of(WEAK, DRIFT)).requests == []


def test_a_change_comes_before_a_signal_which_is_not_forgotten() -> None:
    first = asked(seen(), of(WEAK, rules="r2"))
    then = asked(first.cursor, of(WEAK, rules="r2"))
    assert [r.triggers for p in (first, then) for r in p.requests] == [("rules",), ("weakness",)]


def test_a_generation_waits_for_the_cooldown_since_the_last_one() -> None:
    state = replace(of(WEAK), generated_at=(NOON - timedelta(hours=23)).isoformat())
    early = asked(seen(), state)
    assert early.requests == [] and "in 1.0 h" in early.waiting["inns"]
    assert len(asked(early.cursor, state, NOON + timedelta(hours=1)).requests) == 1


def test_a_generation_of_the_future_says_that_the_clock_went_back() -> None:
    state = replace(of(WEAK), generated_at=(NOON + timedelta(hours=1)).isoformat())
    assert "the clock went back" in asked(seen(), state).waiting["inns"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (replace(of(rules="r2"), runs_this_month=200), "as many as may be"),
        (replace(of(rules="r2"), no_teaching=NO_MONEY), "the month's money is spent"),
        (replace(of(WEAK), generation=50), "generation 50 is the last"),
    ],
)
def test_a_refusal_is_told_once_and_looked_at_again(state: Observed, why: str) -> None:
    first = asked(seen(), state)
    second = asked(first.cursor, state)
    assert [r.why for r in first.refusals] and why in first.refusals[0].why
    assert second.refusals == [] and why in second.waiting["inns"]
    freed = replace(state, runs_this_month=0, no_teaching=None, generation=1)
    assert len(asked(second.cursor, freed).requests) == 1


def test_a_refusal_whose_figures_change_is_the_same_refusal() -> None:
    first = asked(seen(), replace(of(rules="r2"), no_teaching=NO_MONEY))
    dearer = Obstacle(kind="money", why="the month's money is spent: 9.20 of 9.00")
    assert asked(first.cursor, replace(of(rules="r2"), no_teaching=dearer)).refusals == []


def test_a_new_student_asks_no_teacher_and_needs_no_money_for_one() -> None:
    assert len(asked(seen(), replace(of(student="other"), no_teaching=NO_MONEY)).requests) == 1


def test_a_run_that_failed_is_asked_for_once_more_after_a_while() -> None:
    first = asked(seen(), of(rules="r2"))
    failed = replace(of(rules="r2"), failed=frozenset(keys(first)))
    early = asked(first.cursor, failed, NOON + timedelta(minutes=59))
    again = asked(early.cursor, failed, NOON + timedelta(minutes=61))
    assert early.requests == [] and "started once more in 60 s" in early.waiting["inns"]
    assert [r.assets for r in again.requests] == [("rule_set",)] and keys(again) != keys(first)
    both = replace(failed, failed=frozenset([*keys(first), *keys(again)]))
    assert asked(again.cursor, both, NOON + timedelta(days=9)).requests == []


def test_a_change_after_a_failed_run_includes_what_that_run_was_to_make() -> None:
    first = asked(seen(), of(teacher="t2"))
    failed = replace(of(teacher="t2", rules="r2"), failed=frozenset(keys(first)))
    [request] = asked(first.cursor, failed).requests
    assert (request.triggers, request.assets) == (("rules",), ("rule_set", "teacher_model"))


def test_a_cursor_that_was_cleared_does_not_use_keys_again() -> None:
    first = asked(seen(), of(rules="r2"))
    cleared = plan(None, {"inns": replace(of(), runs_ever=1)}, NOON).cursor
    assert keys(asked(cleared, of(rules="r2"))) != keys(first)


def test_a_broken_pack_keeps_its_entry_and_is_noticed_when_it_comes_back_changed() -> None:
    cursor = seen(inns=of(), boats=of())
    while_broken = plan(cursor, {"boats": of()}, NOON)
    assert while_broken.requests == []
    mended = plan(while_broken.cursor, {"boats": of(), "inns": of(rules="r2")}, NOON)
    assert [r.model_type for r in mended.requests] == ["inns"]


def test_a_new_pack_is_recorded_beside_the_others() -> None:
    decided = plan(seen(), {"inns": of(), "boats": of()}, NOON)
    assert decided.first_seen == ["boats"]
    assert set(json.loads(decided.cursor)) == {"inns", "boats"}


def test_a_cursor_of_before_students_were_watched_starts_nothing() -> None:
    old = json.dumps({"inns": {"n": 2, "teacher": "t1", "rules": "r1", "lore": "l1"}})
    first = asked(old, of())
    assert first.requests == []
    assert asked(first.cursor, of(student="other")).requests[0].run_key.startswith("inns:3:")


@pytest.mark.parametrize("text", ["no json", "[1]", '{"inns": {"n": "x"}}', '{"inns": 3}'])
def test_a_damaged_cursor_says_how_to_clear_it(text: str) -> None:
    with pytest.raises(PipelineError, match="Clear the cursor"):
        plan(text, {}, NOON)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(-50, 50)), max_size=30))
def test_whatever_happens_runs_are_asked_for_one_at_a_time_and_the_last_state_is_answered(
    events: list[tuple[str, bool, int]],
) -> None:
    cursor, now, running, last = seen(), NOON, False, ""
    settings = RetrainingConfig(quiet_seconds=10)
    for rules, ends, seconds in [*events, ("z", True, 0), ("z", True, 20)]:
        now += timedelta(seconds=seconds)
        running = running and not ends
        decided = asked(cursor, replace(of(rules=rules, settings=settings), running=running), now)
        cursor = decided.cursor
        assert len(decided.requests) <= (0 if running else 1)
        if decided.requests:
            running, last = True, rules
    assert last == "z"


def test_a_generation_after_a_run_that_failed_twice_includes_what_that_run_was_to_make() -> None:
    first = asked(seen(), of(rules="r2"))
    once = replace(of(rules="r2"), failed=frozenset(keys(first)))
    second = asked(first.cursor, once, NOON + timedelta(hours=2))
    twice = replace(of(WEAK, rules="r2"), failed=frozenset([*keys(first), *keys(second)]))
    [request] = asked(second.cursor, twice, NOON + timedelta(hours=3)).requests
    assert (request.triggers, request.assets) == (("weakness",), ("trajectories", "rule_set"))
