"""When a check is due, also where the clock goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from srl_pipeline.config import SelectionConfig
from srl_pipeline.registry import Decision, SqliteDecisions
from srl_pipeline.selection import due
from srl_pipeline.selection.schedule import CHECK, Check, down_since, gone, tasks_of

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
CONFIG = SelectionConfig(candidates=["a", "b"], recheck_days=7.0)


def check(days_ago: float, **changes: object) -> Check:
    at = (NOW - timedelta(days=days_ago)).isoformat(timespec="seconds")
    values: dict[str, object] = {"fingerprint": "f", "seed": at[:10], "since": at, "at": at, "incumbent": "a"}
    return Check.model_validate(values | changes)


@pytest.fixture
def decisions(tmp_path: Path) -> SqliteDecisions:
    return SqliteDecisions(tmp_path / "decisions.sqlite")


def remember(decisions: SqliteDecisions, check: Check) -> None:
    decisions.record(
        Decision(
            at=check.at,
            model_type="lanterns",
            kind="teacher",
            verdict="no change",
            subject="a",
            before="a",
            after="a",
            reasons=["No change."],
            evidence={CHECK: check.model_dump(mode="json")},
        )
    )


def why(decisions: SqliteDecisions, config: SelectionConfig = CONFIG, fingerprint: str = "f") -> str:
    return due(decisions, "teacher", "lanterns", config, fingerprint, NOW)


def test_a_first_check_is_due_where_there_is_something_to_choose(decisions: SqliteDecisions) -> None:
    assert why(decisions) == "It was never checked."
    assert why(decisions, SelectionConfig()) == ""
    assert why(decisions, SelectionConfig(candidates=["a", "a"])) == ""


def test_nothing_is_due_between_two_checks(decisions: SqliteDecisions) -> None:
    remember(decisions, check(6.9))
    assert why(decisions) == ""


def test_a_check_is_due_after_so_many_days(decisions: SqliteDecisions) -> None:
    remember(decisions, check(7))
    assert "selection.recheck_days is 7" in why(decisions)


def test_a_check_is_due_as_soon_as_something_changed(decisions: SqliteDecisions) -> None:
    remember(decisions, check(0.01))
    assert "prices" in why(decisions, fingerprint="g")


def test_a_check_is_due_once_after_the_clock_went_back(decisions: SqliteDecisions) -> None:
    remember(decisions, check(-30))
    assert "The clock went back" in why(decisions)
    remember(decisions, check(0))
    assert why(decisions) == ""


def test_while_the_clock_is_behind_the_reason_stays_the_same(decisions: SqliteDecisions) -> None:
    remember(decisions, check(-30))
    later = due(decisions, "teacher", "lanterns", CONFIG, "f", NOW + timedelta(minutes=1))
    assert why(decisions) == later != ""


def test_a_clock_that_is_corrected_a_little_is_no_matter(decisions: SqliteDecisions) -> None:
    remember(decisions, check(-0.01))
    assert why(decisions) == ""


def test_an_incumbent_that_did_not_answer_is_asked_again_the_next_day(decisions: SqliteDecisions) -> None:
    remember(decisions, check(0.9, down={"a": check(0.9).at}))
    assert why(decisions) == ""
    remember(decisions, check(1.0, down={"a": check(1.0).at}))
    assert "a did not answer" in why(decisions)
    remember(decisions, check(1.0, down={"b": check(1.0).at}))
    assert why(decisions) == ""


def test_a_list_that_became_too_short_is_told_once(decisions: SqliteDecisions) -> None:
    remember(decisions, check(8))
    assert why(decisions, SelectionConfig(candidates=["a"]), fingerprint="g") != ""
    assert why(decisions, SelectionConfig(candidates=["a"])) == ""


def test_a_decision_that_is_no_check_counts_as_none(decisions: SqliteDecisions) -> None:
    decisions.record(
        Decision(
            at=NOW.isoformat(),
            model_type="lanterns",
            kind="teacher",
            verdict="change",
            subject="b",
            before="a",
            after="b",
            reasons=["A person chose it."],
        )
    )
    assert why(decisions) == "It was never checked."


def test_tasks_stay_the_same_until_a_check_is_due_by_time() -> None:
    assert tasks_of(None, NOW, CONFIG) == ("2026-11-10", NOW.isoformat(timespec="seconds"))
    last = check(3)
    assert tasks_of(last, NOW, CONFIG) == (last.seed, last.since)
    assert tasks_of(check(7), NOW, CONFIG)[0] == "2026-11-10"


def test_after_the_clock_went_back_days_count_from_now_on_and_the_tasks_stay() -> None:
    ahead = check(-30)
    assert tasks_of(ahead, NOW, CONFIG) == (ahead.seed, NOW.isoformat(timespec="seconds"))


def test_an_outage_counts_from_its_first_check_without_a_break() -> None:
    first = check(2, down={"a": check(2).at})
    assert down_since(first, ["a", "b"], NOW) == {"a": check(2).at, "b": check(0).at}
    assert gone(check(2).at, NOW)
    assert not gone(check(0.5).at, NOW)
    assert not gone(check(-2).at, NOW)
