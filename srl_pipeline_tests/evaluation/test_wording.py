"""The sentences of the report say what was measured, no more."""

from __future__ import annotations

from srl_pipeline.evaluation import sentences, summarise
from srl_pipeline.evaluation.wording import caution, duration, p_value, signed

from .builders import results, stage

HALF = [True] * 50 + [False] * 50
MORE = [True] * 62 + [False] * 38


def told(before: list[bool], after: list[bool]) -> str:
    return sentences(summarise(results(stage("base", before), stage("rlvr", after))))[1]


def test_a_clear_gain_is_called_an_improvement() -> None:
    assert told(HALF, MORE) == "RLVR against base: +12.0 points (95 % CI 5.3 to 18.4, p = 0.0005): an improvement."


def test_a_clear_loss_is_called_a_decline() -> None:
    assert told(MORE, HALF) == "RLVR against base: -12.0 points (95 % CI -18.4 to -5.3, p = 0.0005): a decline."


def test_equal_stages_show_no_measurable_difference() -> None:
    assert told(HALF, HALF).endswith("p = 1.0000): no measurable difference.")
    assert told(HALF, HALF).startswith("RLVR against base: 0.0 points (95 % CI -")


def test_a_gain_that_the_test_does_not_confirm_is_no_improvement() -> None:
    """5 gained, 0 lost: the interval excludes zero, but p = 0.0625."""
    after = [True] * 55 + [False] * 45
    assert told(HALF, after).endswith("p = 0.0625): no measurable difference.")


def test_a_comparison_without_common_scenarios_is_not_measured() -> None:
    assert told(HALF, []) == "RLVR against base: not measured: no scenario was tried by both."


def test_the_headline_says_how_many_were_solved() -> None:
    first = sentences(summarise(results(stage("base", HALF))))[0]
    assert first == "Base solves 50 of 100 held-out scenarios: 50.0 % (95 % CI 40.4 to 59.6)."


def test_without_episodes_the_headline_claims_nothing() -> None:
    assert sentences(summarise(results()))[0].startswith("No scenario was evaluated")


def test_several_comparisons_carry_a_caution() -> None:
    three = summarise(results(stage("base", HALF), stage("srl", HALF), stage("rlvr", MORE)))
    assert "3 comparisons" in caution(three) and "p = 0.0167" in caution(three)
    assert caution(summarise(results(stage("base", HALF), stage("srl", HALF)))) == ""


def test_a_p_value_is_never_printed_as_zero() -> None:
    assert p_value(1e-9) == "p < 0.0001"


def test_a_change_that_rounds_to_zero_has_no_sign() -> None:
    assert [signed(x) for x in (0.0001, -0.0001, 0.1, -0.1)] == ["0.0", "0.0", "+10.0", "-10.0"]


def test_durations_read_in_their_own_unit() -> None:
    assert [duration(s) for s in (1.25, 600, 9000, None)] == ["1.2 s", "10.0 min", "2.5 h", "–"]
