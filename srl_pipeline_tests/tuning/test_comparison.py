"""A tuned model against prompting alone."""

from __future__ import annotations

import pytest

from srl_pipeline.tuning.comparison import Solved, compare


def solved(accepted: list[bool], usd: float | list[float]) -> list[Solved]:
    each = usd if isinstance(usd, list) else [usd] * len(accepted)
    return [Solved(scenario_id=f"s{n}", accepted=a, usd=each[n]) for n, a in enumerate(accepted)]


def test_more_verified_solutions_for_the_same_money_are_better() -> None:
    found = compare(solved([True] * 4 + [False] * 8, 0.01), solved([True] * 12, 0.01))
    assert found.better and found.per_usd.value == pytest.approx(100 - 100 / 3)
    assert (found.base_accepted, found.tuned_accepted, found.tasks) == (4, 12, 12)
    assert "better than prompting alone by its verified solutions per dollar" in found.why


def test_the_same_solutions_for_less_money_are_better() -> None:
    assert compare(solved([True] * 12, 0.02), solved([True] * 12, 0.01)).better


def test_more_solutions_that_cost_more_each_are_not_better() -> None:
    found = compare(solved([True] * 6 + [False] * 6, 0.01), solved([True] * 12, 0.06))
    assert not found.better and "worse" in found.why


def test_one_more_solution_of_twelve_is_no_evidence() -> None:
    found = compare(solved([True] * 10 + [False] * 2, 0.01), solved([True] * 11 + [False], 0.01))
    assert not found.better and "not measurably better" in found.why


def test_a_model_that_solves_nothing_is_not_better_whatever_it_costs() -> None:
    found = compare(solved([False] * 12, 0.01), solved([False] * 12, 0.0))
    assert not found.better and found.why == "The tuned model solved none of the tasks."


def test_where_a_teacher_is_free_the_pass_rate_decides() -> None:
    base, tuned = solved([True] * 2 + [False] * 10, 0.0), solved([True] * 12, 0.01)
    found = compare(base, tuned)
    assert found.better and found.per_usd.value is None and "a teacher is free" in found.why


def test_the_order_of_tasks_says_nothing() -> None:
    base, tuned = solved([True, False] * 6, [0.01 * n for n in range(1, 13)]), solved([True] * 12, 0.02)
    assert compare(base, tuned) == compare(base, tuned[::-1])


def test_teachers_that_did_other_tasks_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        compare(solved([True, True], 0.1), solved([True], 0.1))
    with pytest.raises(ValueError, match="same tasks"):
        compare(solved([True], 0.1), solved([True, True], 0.1))
