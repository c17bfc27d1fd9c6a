"""One log: in order of time, of one type or of all, from a day on; what was not recorded is said to be so."""

from __future__ import annotations

from srl_pipeline.auditing import log
from srl_pipeline.registry import NOT_RECORDED, Account, Charge, Decision
from srl_pipeline_tests.registry.test_decisions import decision

OLD = Charge(
    first_at="",
    last_at="",
    month="2026-10",
    account=Account(run="r0", model_type="trees", vendor="openai"),
    actor="",
    calls=1,
    committed=500_000_000,
    held=0,
)
NEW = OLD.model_copy(
    update={
        "first_at": "2026-11-20T08:00:00+00:00",
        "last_at": "2026-11-21T08:00:00+00:00",
        "month": "2026-11",
        "actor": "ann@host",
        "calls": 12,
        "committed": 1_250_000_000,
    }
)


def decided(day: int, number: int, actor: str = "ann@host", model_type: str = "trees") -> Decision:
    at = f"2026-11-{day:02}T12:00:00+00:00"
    return decision(id=number, at=at, actor=actor, model_type=model_type, before="v0", after="v1")


def test_decisions_and_spending_stand_in_one_order_of_time() -> None:
    lines = log([decided(22, 2), decided(19, 1)], [NEW, OLD])
    assert [(line.kind, line.at[:10]) for line in lines] == [
        ("spending", "2026-10"),
        ("promotion", "2026-11-19"),
        ("spending", "2026-11-20"),
        ("promotion", "2026-11-22"),
    ]


def test_a_line_says_who_and_what() -> None:
    promoted, spent = log([decided(19, 1)], [NEW])
    assert (promoted.actor, promoted.what, promoted.decision) == ("ann@host", "v0 → v1. It is better.", 1)
    assert (spent.actor, spent.what) == ("ann@host", "$1.2500 to openai for 12 calls of r0.")


def test_what_was_kept_before_it_was_recorded_who_did_it_says_so() -> None:
    assert [line.actor for line in log([decided(19, 1, actor="")], [OLD])] == [NOT_RECORDED, NOT_RECORDED]


def test_only_one_type_and_only_from_a_day_on() -> None:
    many = [decided(19, 1), decided(21, 2), decided(21, 3, model_type="sounds")]
    assert [line.decision for line in log(many, [], model_type="trees")] == [1, 2]
    assert [line.decision for line in log(many, [], since="2026-11-20")] == [2, 3]
    assert [line.usd for line in log([], [OLD, NEW], since="2026-11-21")] == [1.25]
    assert [line.usd for line in log([], [OLD, NEW], since="2026-10-31")] == [0.5, 1.25]
