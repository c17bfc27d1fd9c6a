"""A planted weak slice is found, is told with its evidence, and drags nothing with it; noise is not found."""

from __future__ import annotations

import random

import pytest

from srl_pipeline.config import WeaknessConfig
from srl_pipeline.evaluation import Episode
from srl_pipeline.weaknesses import Condition, Weakness
from srl_pipeline.weaknesses.detect import weaknesses_of

from ..evaluation.builders import episode
from .given import SETTINGS, episodes, is_in


def found(given_: list[Episode], **settings: object) -> list[Weakness]:
    return weaknesses_of(given_, {}, WeaknessConfig.model_validate(settings), 0.95)[0]


def one_in_eight(i: int) -> bool:
    return i % 8 == 3


def weak_region(i: int, e: Episode) -> bool:
    """Three of four fail in Karst Hollow, one of eight elsewhere."""
    return i % 16 < 12 if is_in(e, region="karst_hollow") else one_in_eight(i)


def test_a_planted_weak_value_is_found_first_with_its_evidence() -> None:
    first = found(episodes(weak_region))[0]
    assert first.part.where == [Condition(axis="region", label="karst_hollow")]
    assert (first.n, first.against_n, first.against) == (24, 72, "elsewhere")
    assert first.failures / first.n - first.against_failures / first.against_n == pytest.approx(first.effect)
    assert first.low < first.effect < first.high and first.low > 0.3
    assert first.p <= first.q < 0.001


def test_its_sentence_is_one_that_a_designer_understands() -> None:
    first = found(episodes(weak_region))[0]
    assert first.sentence == (
        f"Where region is *karst hollow*, {first.failures} of 24 scenarios fail ({100 * first.failures / 24:.0f} %); "
        f"elsewhere {first.against_failures:.0f} of 72 ({100 * first.against_failures / 72:.0f} %)."
    )


def test_a_weak_value_does_not_drag_its_pairs_with_it() -> None:
    assert [w.part.kind for w in found(episodes(weak_region))] == ["value"]


def test_a_weak_pair_is_told_from_its_two_values() -> None:
    def fails(i: int, e: Episode) -> bool:
        return is_in(e, region="karst_hollow", season="winter") or one_in_eight(i)

    pairs = [w for w in found(episodes(fails)) if w.part.kind == "pair"]
    assert [[c.label for c in w.part.where] for w in pairs] == [["karst_hollow", "winter"]]
    assert pairs[0].failures == pairs[0].n == 8
    assert "otherwise where" in pairs[0].sentence


def test_samples_are_failures_of_the_slice_and_those_with_a_transcript_come_first() -> None:
    given_ = episodes(weak_region)
    failing = [i for i, e in enumerate(given_) if is_in(e, region="karst_hollow") and not e.correct]
    given_[failing[-1]] = given_[failing[-1]].model_copy(update={"text": "kept"})
    samples = found(given_)[0].samples
    assert samples[0] == given_[failing[-1]].scenario_id
    assert len(samples) == 3 and set(samples) <= {given_[i].scenario_id for i in failing}


def test_a_weak_band_is_found() -> None:
    given_ = [e.model_copy(update={"band": "easy" if e.correct else "hard"}) for e in episodes(weak_region)]
    first = found(given_)[0]
    assert (first.part.kind, first.part.where) == ("band", [Condition(axis="", label="hard")])
    assert first.sentence.startswith("Where difficulty is *hard*")


def test_numbers_are_cut_into_ranges_that_say_where_they_begin_and_end() -> None:
    given_ = [
        episode(i, correct=i % 20 >= 5 or i % 3 == 0, axes={"plot_m2": float(i % 20)}, band="easy") for i in range(120)
    ]
    first = found(given_)[0]
    assert first.part.where == [Condition(axis="plot_m2", label="0 to 4", low=0.0, high=4.0)]


def test_what_lies_less_below_the_rest_than_is_asked_is_not_reported() -> None:
    assert found(episodes(weak_region), min_effect=0.9) == []


def test_slices_with_too_few_scenarios_are_not_tested() -> None:
    given_ = episodes(weak_region)
    _, tested = weaknesses_of(given_, {}, SETTINGS, 0.95)
    _, fewer = weaknesses_of(given_, {}, WeaknessConfig(min_scenarios=25), 0.95)
    assert tested == {"pair": 12, "value": 7}
    assert fewer == {"value": 3}  # seasons: 32 scenarios each


def test_weaknesses_are_ranked_by_the_failures_that_they_have_in_excess() -> None:
    def fails(i: int, e: Episode) -> bool:
        return i % 4 > 0 if is_in(e, season="winter") else i % 9 == 0 or is_in(e, region="high_moor")

    ranked = found(episodes(fails))
    assert len(ranked) > 1
    assert [w.excess for w in ranked] == sorted((w.excess for w in ranked), reverse=True)


@pytest.mark.parametrize(
    "given_",
    [
        [],
        [episode(0, correct=False, considered=[])],
        episodes(lambda i, e: False),
        episodes(lambda i, e: True),
        [episode(i, correct=i % 2 == 0, axes={}, band="unheard of", considered=[]) for i in range(40)],
    ],
    ids=["empty", "one scenario", "all right", "all wrong", "no axes and an unknown band"],
)
def test_where_nothing_can_be_told_nothing_is(given_: list[Episode]) -> None:
    assert weaknesses_of(given_, {}, SETTINGS, 0.95) == ([], {})


def test_an_axis_that_only_some_scenarios_have_is_cut_by_those() -> None:
    given_ = [
        episode(i, correct=i % 4 > 0, axes={"season": "winter"} if i % 4 == 0 else {}, band="easy") for i in range(60)
    ]
    first = found(given_)[0]
    assert (first.part.where[0].label, first.n, first.against_n) == ("winter", 15, 45)


def test_noise_is_seldom_found() -> None:
    rng = random.Random(5)
    noisy = [found(episodes(lambda i, e: rng.random() < 0.4)) for _ in range(40)]
    assert sum(map(bool, noisy)) <= 8  # 4 are expected at the most; beyond 8 lie 2 in 100
