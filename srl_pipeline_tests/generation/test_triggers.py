"""What the registry sensor decides, without Dagster."""

from __future__ import annotations

import json

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.generation.triggers import Plan, Versions, plan

START = Versions(teacher="t1", rules="r1", lore="l1")


def version(**changes: str) -> Versions:
    return START.model_copy(update=changes)


def seen(**models: Versions) -> str:
    return plan(None, models or {"inns": START}).cursor


def keys(decided: Plan) -> list[str]:
    return [r.run_key for r in decided.requests]


def test_the_first_sight_is_recorded_and_starts_nothing() -> None:
    decided = plan(None, {"inns": START, "boats": START})
    assert decided.requests == []
    assert decided.first_seen == ["boats", "inns"]
    assert plan(decided.cursor, {"inns": START, "boats": START}).first_seen == []


def test_no_change_asks_for_nothing_and_keeps_the_cursor() -> None:
    cursor = seen()
    assert plan(cursor, {"inns": START}) == Plan([], [], cursor)


@pytest.mark.parametrize(
    ("part", "asset"), [("teacher", "teacher_model"), ("rules", "rule_set"), ("lore", "lore_index")]
)
def test_a_change_asks_for_the_pin_that_changed(part: str, asset: str) -> None:
    [request] = plan(seen(), {"inns": version(**{part: "new"})}).requests
    assert (request.model_type, request.assets) == ("inns", [asset])


def test_two_changes_at_once_are_one_request() -> None:
    [request] = plan(seen(), {"inns": version(teacher="t2", rules="r2")}).requests
    assert request.assets == ["teacher_model", "rule_set"]


def test_only_the_model_type_that_changed_is_asked_for() -> None:
    decided = plan(seen(inns=START, boats=START), {"inns": START, "boats": version(rules="r2")})
    assert [r.model_type for r in decided.requests] == ["boats"]


def test_a_rollback_to_an_earlier_version_has_a_key_of_its_own() -> None:
    first = plan(seen(), {"inns": version(rules="r2")})
    back = plan(first.cursor, {"inns": START})
    forth = plan(back.cursor, {"inns": version(rules="r2")})
    assert len({*keys(first), *keys(back), *keys(forth)}) == 3


def test_a_change_that_is_undone_between_two_ticks_asks_for_nothing() -> None:
    assert plan(seen(), {"inns": START}).requests == []


def test_a_crash_before_the_cursor_is_saved_asks_for_the_same_key_again() -> None:
    cursor = seen()
    changed = {"inns": version(lore="l2")}
    assert keys(plan(cursor, changed)) == keys(plan(cursor, changed)) != []


def test_a_broken_pack_keeps_its_entry_and_is_noticed_when_it_comes_back_changed() -> None:
    cursor = seen(inns=START, boats=START)
    while_broken = plan(cursor, {"boats": START})
    assert while_broken.requests == []
    mended = plan(while_broken.cursor, {"boats": START, "inns": version(rules="r2")})
    assert [r.model_type for r in mended.requests] == ["inns"]


def test_a_new_pack_is_recorded_beside_the_others() -> None:
    decided = plan(seen(), {"inns": START, "boats": START})
    assert decided.first_seen == ["boats"]
    assert set(json.loads(decided.cursor)) == {"inns", "boats"}


def test_the_cursor_is_readable_by_people() -> None:
    assert json.loads(seen()) == {"inns": {"n": 0, "teacher": "t1", "rules": "r1", "lore": "l1"}}


@pytest.mark.parametrize("text", ["no json", "[1]", '{"inns": {"n": "x"}}', '{"inns": 3}'])
def test_a_damaged_cursor_says_how_to_clear_it(text: str) -> None:
    with pytest.raises(PipelineError, match="Clear the cursor"):
        plan(text, {})
