"""Hard constraints, then a score: monotone, and without units."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.config import SelectionConfig, SelectionWeights
from srl_pipeline.selection import Candidate
from srl_pipeline_tests.selection.given import TASKS, assessed, measured

CONFIG = SelectionConfig(min_pass_rate=0.0)
usd = st.one_of(st.just(0.0), st.floats(1e-6, 1e3))
seconds = st.floats(1e-3, 1e3)
accepted = st.integers(1, TASKS)


@st.composite
def weights(draw: st.DrawFn) -> SelectionConfig:
    """Weights that sum to one."""
    quality = draw(st.floats(0, 1))
    cost = draw(st.floats(0, 1)) * (1 - quality)
    latency = max(0.0, 1 - quality - cost)
    return SelectionConfig(min_pass_rate=0.0, weights=SelectionWeights(quality=quality, cost=cost, latency=latency))


def score(name: str, figures: list, config: SelectionConfig) -> float:
    found = assessed(figures, config)[name].score
    assert found is not None
    return found.total


@given(config=weights(), old=usd, other=usd, low=usd, rise=st.floats(0, 1e3))
def test_a_dearer_candidate_never_scores_higher(
    config: SelectionConfig, old: float, other: float, low: float, rise: float
) -> None:
    def with_price(price: float) -> float:
        return score(
            "new", [measured("old", usd=old), measured("other", usd=other), measured("new", usd=price)], config
        )

    assert with_price(low + rise) <= with_price(low) + 1e-12


@settings(max_examples=60)
@given(config=weights(), old=usd, other=usd, low=usd, rise=st.floats(0, 1e3))
def test_a_dearer_candidate_never_gains_on_another_one(
    config: SelectionConfig, old: float, other: float, low: float, rise: float
) -> None:
    def lead(price: float, over: str) -> float:
        figures = [measured("old", usd=old), measured("other", usd=other), measured("new", usd=price)]
        return score("new", figures, config) - score(over, figures, config)

    for over in ("old", "other"):
        assert lead(low + rise, over) <= lead(low, over) + 1e-9


@given(config=weights(), old=seconds, low=seconds, rise=st.floats(0, 1e3))
def test_a_slower_candidate_never_scores_higher(config: SelectionConfig, old: float, low: float, rise: float) -> None:
    def with_latency(p50: float) -> float:
        return score("new", [measured("old", p50=old), measured("new", p50=p50)], config)

    assert with_latency(low + rise) <= with_latency(low) + 1e-12


@given(config=weights(), old=accepted, less=accepted, more=accepted)
def test_a_better_candidate_never_scores_lower(config: SelectionConfig, old: int, less: int, more: int) -> None:
    def with_quality(n: int) -> float:
        return score("new", [measured("old", old), measured("new", n)], config)

    assert with_quality(max(less, more)) >= with_quality(min(less, more)) - 1e-12


@settings(max_examples=60)
@given(
    config=weights(),
    prices=st.lists(usd, min_size=3, max_size=3),
    times=st.lists(seconds, min_size=3, max_size=3),
    money_unit=st.floats(1e-3, 1e3),
    time_unit=st.floats(1e-3, 1e3),
)
def test_units_of_money_and_time_change_no_score(
    config: SelectionConfig, prices: list[float], times: list[float], money_unit: float, time_unit: float
) -> None:
    names = ("old", "new", "other")
    plain = [measured(n, usd=p, p50=t) for n, p, t in zip(names, prices, times, strict=True)]
    in_units = [
        measured(n, usd=p * money_unit, p50=t * time_unit) for n, p, t in zip(names, prices, times, strict=True)
    ]
    for name in names:
        assert score(name, in_units, config) == pytest.approx(score(name, plain, config), abs=1e-9)


@settings(max_examples=60)
@given(config=weights(), figures=st.lists(st.tuples(accepted, usd, seconds), min_size=2, max_size=4))
def test_a_score_and_its_parts_lie_between_0_and_1(
    config: SelectionConfig, figures: list[tuple[int, float, float]]
) -> None:
    names = ["old", *(f"new-{n}" for n in range(1, len(figures)))]
    given_figures = [measured(name, *figure) for name, figure in zip(names, figures, strict=True)]
    for one in assessed(given_figures, config).values():
        assert one.score is not None
        assert all(0 <= part <= 1 + 1e-12 for part in one.score.model_dump().values())


def test_the_parts_are_those_of_the_definition() -> None:
    weights = SelectionWeights(quality=0.5, cost=0.3, latency=0.2)
    figures = [measured("old", 10, usd=0.02, p50=4.0), measured("new", 16, usd=0.06, p50=1.0)]
    found = assessed(figures, SelectionConfig(weights=weights))["new"].score
    assert found is not None
    assert (found.quality, found.cost, found.latency) == (0.8, pytest.approx(0.25), pytest.approx(0.8))
    assert found.total == pytest.approx(0.5 * 0.8 + 0.3 * 0.25 + 0.2 * 0.8)


def test_a_third_candidate_never_comes_between_two_others() -> None:
    pair = [measured("old", usd=0.02), measured("new", usd=0.01)]
    alone = score("new", pair, CONFIG) - score("old", pair, CONFIG)
    crowded = [*pair, measured("outlier", usd=500.0)]
    assert score("new", crowded, CONFIG) - score("old", crowded, CONFIG) == pytest.approx(alone)


def test_a_free_incumbent_is_no_division_by_zero_and_prices_still_count() -> None:
    figures = [measured("old", usd=0.0), measured("cheap", usd=0.01), measured("dear", usd=0.03)]
    parts = {name: a.score.cost for name, a in assessed(figures, CONFIG).items() if a.score}
    assert parts == {"old": 1.0, "cheap": pytest.approx(0.5), "dear": pytest.approx(0.25)}


def test_where_all_are_free_cost_says_nothing() -> None:
    found = assessed([measured("old", usd=0.0), measured("new", usd=0.0)], CONFIG)
    assert [a.score.cost for a in found.values() if a.score] == [1.0, 1.0]


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to one"):
        SelectionWeights(quality=0.7, cost=0.2, latency=0.2)


@pytest.mark.parametrize(
    ("candidate", "constraint"),
    [
        (Candidate(name="new", version="", problem="teachers.yaml lists no teacher 'new'."), "availability"),
        (Candidate(name="new", version="v", training_allowed=False), "terms"),
        (Candidate(name="new", version="v", price_known=False), "price"),
    ],
)
def test_what_is_known_before_asking_refuses_first(candidate: Candidate, constraint: str) -> None:
    found = assessed([measured("old"), measured("new")], CONFIG, new=candidate)["new"]
    assert [r.constraint for r in found.refusals] == [constraint]
    assert found.score is None


@pytest.mark.parametrize(
    ("figures", "config", "constraint", "told"),
    [
        ({"accepted": 9}, {"min_pass_rate": 0.5}, "quality", "45% of its 20 tasks"),
        ({"accepted": 0, "usd": None}, {"min_pass_rate": 0.0}, "quality", "None of its 20"),
        ({"usd": 0.02}, {"max_usd_per_accepted": 0.01}, "cost", "$0.02 for an accepted one"),
        ({"p50": 1.0, "p95": 9.0}, {"max_latency_p95_seconds": 5.0}, "latency", "9 s at the 95th"),
        ({"usd": None}, {}, "measurement", "cost was not measured"),
        ({"usd": math.nan}, {}, "measurement", "cost was not measured"),
        ({"p50": math.nan}, {}, "measurement", "latency was not measured"),
        ({"p50": 1.0, "p95": math.inf}, {"max_latency_p95_seconds": 5.0}, "measurement", "latency was not measured"),
        ({"hindrance": "budget", "problem": "The cap is reached."}, {}, "measurement", "The cap is reached."),
        ({"hindrance": "unavailable", "problem": "Wrong key."}, {}, "availability", "Wrong key."),
    ],
)
def test_a_hard_constraint_refuses_with_a_sentence(figures: dict, config: dict, constraint: str, told: str) -> None:
    found = assessed([measured("old"), measured("new", **figures)], SelectionConfig(**config))["new"]
    assert [r.constraint for r in found.refusals] == [constraint]
    assert told in found.refusals[0].why
    assert found.score is None


def test_a_rate_that_just_reaches_its_minimum_is_enough() -> None:
    assert assessed([measured("old"), measured("new", 10)], SelectionConfig(min_pass_rate=0.5))["new"].score


def test_latency_that_nobody_asks_for_need_not_be_known() -> None:
    config = SelectionConfig(weights=SelectionWeights(quality=0.8, cost=0.2, latency=0.0))
    assert assessed([measured("old"), measured("new", p50=None)], config)["new"].score
