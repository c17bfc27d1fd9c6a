"""Whether a candidate becomes current: each gate by itself, then what holds of all evidence."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.config import PromotionConfig
from srl_pipeline.contracts import Gate
from srl_pipeline.evaluation import Episode, StageResult
from srl_pipeline.promotion.evidence import Evidence, Side
from srl_pipeline.promotion.gates import Ruling, judge
from srl_pipeline_tests.evaluation.builders import SKILLS, episode

from .chains import PROBES, TIMED, answers, solving

CONFIG = PromotionConfig()


def side(name: str, result: StageResult, **changes: Any) -> Side:
    values: dict[str, Any] = {"rule_set": "r1", "lore_index": "l1", "asked": "a1", "weights": {"w": name}}
    return Side(name=name, result=result, **(values | changes))


def evidence(candidate: Side | StageResult, opponent: Side | StageResult | None, **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "candidate": candidate if isinstance(candidate, Side) else side("the candidate", candidate),
        "opponent": side("the current model", opponent) if isinstance(opponent, StageResult) else opponent,
        "first": False,
        "kl": 0.01,
        "probes": [*PROBES, *PROBES],
        "stages": ["srl_checkpoint", "rlvr_checkpoint"],
        "skills": SKILLS,
    }
    return Evidence(**(values | changes))


def failed(ruling: Ruling) -> list[str]:
    return [gate.name for gate in ruling.gates if not gate.passed]


def gate(ruling: Ruling, name: str) -> Gate:
    return next(g for g in ruling.gates if g.name == name)


def with_episodes(result: StageResult, change: dict[int, dict[str, Any]]) -> StageResult:
    """``result`` with changes of single episodes."""
    episodes = [e.model_copy(update=change.get(i, {})) for i, e in enumerate(result.episodes)]
    return result.model_copy(update={"episodes": episodes})


def test_a_better_candidate_is_promoted_and_the_first_reason_says_by_how_much() -> None:
    ruling = judge(evidence(answers("rlvr", solving(35)), answers("current", solving(20))), CONFIG)
    assert ruling.promoted
    assert ruling.reasons[0].startswith(
        "It solves 35 of 40 held-out scenarios, the current model 20: +37.5 points (95 % CI "
    )
    assert ruling.reasons[0].endswith(": better.")


def test_a_worse_candidate_is_not() -> None:
    ruling = judge(evidence(answers("rlvr", solving(20)), answers("current", solving(35))), CONFIG)
    assert not ruling.promoted
    assert ruling.reasons[0].endswith(": worse.")


def test_the_same_answers_by_other_weights_are_not_better() -> None:
    ruling = judge(evidence(answers("rlvr", solving(20)), answers("current", solving(20))), CONFIG)
    assert failed(ruling) == ["better_or_cheaper"]
    assert "as good within 5.0 %, and not cheaper" in ruling.reasons[0]


FAST = [0.7 * second for second in TIMED["latencies"]]


def against_as_good(current: dict[str, Any] | None = None, solved: int = 200, **candidate: Any) -> Ruling:
    """Two models that both were timed; the current one solves all."""
    ours = answers("rlvr", solving(solved, 200), **({"latencies": FAST} | candidate))
    return judge(evidence(ours, answers("current", solving(200, 200), **(current or {}))), CONFIG)


def test_one_that_is_as_good_and_cheaper_is_promoted() -> None:
    ruling = against_as_good()
    assert ruling.promoted
    assert "cheaper: latency, median falls by 30.0 %, 8 of 8 requests are faster (p = 0.0039)" in ruling.reasons[0]


@pytest.mark.parametrize(
    ("current", "candidate", "told"),
    [
        ({}, {"latencies": [0.85 * second for second in TIMED["latencies"]]}, "does not fall by 20.0 %"),
        # the median falls; half of the requests are slower
        ({}, {"latencies": [0.1, 0.1, 0.1, 0.1, 1.2, 1.3, 1.2, 1.2]}, "which may be chance (p = 0.6367)"),
        ({"latencies": [1.0] * 4, "latency_tokens": 400}, {"latencies": [0.1] * 4, "latency_tokens": 400},
         "which may be chance (p = 0.0625)"),
        ({"measured_at": "2026-10-30T12:00:00+00:00"}, {}, "not timed within a day of each other"),
        ({"measured_at": ""}, {}, "not timed within a day of each other"),
        ({"measured_at": "yesterday"}, {}, "not timed within a day of each other"),
        ({"machine": "another processor, 64 cores"}, {}, "not timed on the same kind of machine"),
        ({"machine": ""}, {"machine": ""}, "not timed on the same kind of machine"),
        ({"latencies": [], "latency_tokens": 0}, {}, "the latency of the current model was not measured"),
        ({}, {"latencies": [], "latency_tokens": 0}, "the latency of the candidate was not measured"),
        ({}, {"latencies": FAST[:7]}, "not timed on the same scenarios"),
        ({"episodes": [episode(i, True) for i in reversed(range(200))]}, {}, "not timed on the same scenarios"),
        ({}, {"latencies": TIMED["latencies"], "peak_memory_mb": 300.0}, "does not fall by 20.0 %"),
    ],
)  # fmt: skip
def test_cheaper_is_claimed_only_where_it_is_shown(
    current: dict[str, Any], candidate: dict[str, Any], told: str
) -> None:
    ruling = against_as_good(current, **candidate)
    assert failed(ruling) == ["better_or_cheaper"]
    assert told in ruling.reasons[0]


def test_a_cheaper_one_that_solves_fewer_stays_out_so_that_no_row_of_them_leads_downwards() -> None:
    ruling = against_as_good(solved=199)
    assert failed(ruling) == ["better_or_cheaper"]
    assert "as good within 5.0 %, but it solves fewer" in ruling.reasons[0]


def test_a_better_one_needs_no_latency_of_anybody() -> None:
    untimed: dict[str, Any] = {"latencies": [], "latency_tokens": 0, "measured_at": "", "machine": ""}
    ruling = judge(evidence(answers("rlvr", solving(35), **untimed), answers("c", solving(20), **untimed)), CONFIG)
    assert ruling.promoted


def test_a_rise_of_violations_that_was_not_measured_stops_it() -> None:
    unreadable = {i: {"format_ok": False, "hard_broken": [], "considered": []} for i in range(40)}
    base = side("its own base", answers("base", solving(0)), weights={})
    ruling = judge(evidence(with_episodes(answers("rlvr", solving(0)), unreadable), base, first=True), CONFIG)
    assert "hard_violations" in failed(ruling)
    assert gate(ruling, "hard_violations").message.startswith("Hard violations were not measured")


def test_a_gain_in_latency_that_costs_memory_is_not_cheaper() -> None:
    ruling = against_as_good(peak_memory_mb=1200.0)
    assert failed(ruling) == ["better_or_cheaper"]
    assert "but peak memory is 33.3 % worse" in ruling.reasons[0]


def test_cheaper_does_not_help_where_it_is_not_known_to_be_as_good() -> None:
    candidate = answers("rlvr", solving(19), latencies=FAST)  # one of 40 less: too few to tell
    ruling = judge(evidence(candidate, answers("current", solving(20))), CONFIG)
    assert "better_or_cheaper" in failed(ruling)
    assert "nor to be as good within 5.0 %" in ruling.reasons[0]


def test_the_first_model_need_only_be_no_worse_than_its_base() -> None:
    base = side("its own base", answers("base", solving(10)), weights={})
    ruling = judge(evidence(answers("rlvr", solving(11)), base, first=True), CONFIG)
    assert ruling.promoted
    assert "its own base 10" in ruling.reasons[0] and "enough for the first model" in ruling.reasons[0]


def test_a_first_model_that_is_worse_than_its_base_is_refused() -> None:
    base = side("its own base", answers("base", solving(30)), weights={})
    assert "better_or_cheaper" in failed(judge(evidence(answers("rlvr", solving(10)), base, first=True), CONFIG))


def test_a_first_model_that_solves_nothing_is_current_and_says_so() -> None:
    base = side("its own base", answers("base", solving(0)), weights={})
    ruling = judge(evidence(answers("rlvr", solving(0)), base, first=True), CONFIG)
    assert ruling.promoted
    assert ruling.reasons[-1].startswith("It solves nothing yet")


def test_without_an_evaluation_of_its_base_a_first_model_is_not_promoted() -> None:
    ruling = judge(evidence(answers("rlvr", solving(40)), None, first=True), CONFIG)
    assert not ruling.promoted
    assert "evaluation.stages needs 'base'" in ruling.reasons[0]


def test_a_base_need_not_be_timed() -> None:
    base = side("its own base", answers("base", solving(0), latencies=[]), weights={})
    assert judge(evidence(answers("rlvr", solving(11)), base, first=True), CONFIG).promoted


def test_a_band_that_is_forgotten_stops_a_model_that_is_better_on_the_whole() -> None:
    hard = [i for i in range(200) if i % 3 == 2]
    before = [i in hard for i in range(200)]
    after = [i not in hard for i in range(200)]
    ruling = judge(evidence(answers("rlvr", after), answers("current", before)), CONFIG)
    assert "no_forgetting" in failed(ruling) and "better_or_cheaper" not in failed(ruling)
    assert "It forgot: " in gate(ruling, "no_forgetting").message
    assert "difficulty hard fell by 100.0 % (lost 66, gained 0 of 66)" in gate(ruling, "no_forgetting").message


def test_a_skill_that_is_forgotten_stops_it_too() -> None:
    soft = {i: {"broken": ["budget-holds"]} for i in range(60)}  # no hard violation: the episodes stay solved
    candidate = with_episodes(answers("rlvr", solving(200, 200)), soft)
    ruling = judge(evidence(candidate, answers("current", solving(150, 200))), CONFIG)
    assert failed(ruling) == ["no_forgetting"]
    assert "skill economy fell by" in ruling.reasons[0]


def test_a_small_slice_that_fell_by_chance_is_not_forgotten() -> None:
    before = solving(100, 200)
    after = [not ok if i in (0, 3, 6) else True for i, ok in enumerate(before)]
    assert judge(evidence(answers("rlvr", after), answers("current", before)), CONFIG).promoted


def test_more_answers_with_a_hard_violation_stop_it() -> None:
    broken = {i: {"hard_broken": ["light-is-lawful"], "correct": False} for i in range(5)}
    candidate = with_episodes(answers("rlvr", solving(200, 200)), broken)
    opponent = with_episodes(
        answers("current", solving(150, 200)), {i: {"hard_broken": []} for i in range(150, 200)}
    )  # not solved, but nothing hard is broken
    ruling = judge(evidence(candidate, opponent), CONFIG)
    assert failed(ruling) == ["hard_violations"]
    told = "5 of 200 readable answers have a hard violation, of the current model 0 of 200"
    assert ruling.reasons == [f"{told}: a rise above the 2.0 % allowed."]


def test_a_base_whose_answers_cannot_be_read_is_no_model_of_safety() -> None:
    unreadable = {i: {"format_ok": False, "hard_broken": [], "broken": [], "considered": []} for i in range(40)}
    base = side("its own base", with_episodes(answers("base", solving(0)), unreadable), weights={})
    assert judge(evidence(answers("rlvr", solving(0)), base, first=True), CONFIG).promoted


def test_answers_that_cannot_be_read_do_not_hide_violations() -> None:
    unreadable = {i: {"format_ok": False, "hard_broken": []} for i in range(150, 200)}
    current = with_episodes(answers("current", solving(150, 200)), unreadable)  # what can be read is right
    ruling = judge(evidence(answers("rlvr", solving(180, 200)), current), CONFIG)
    assert failed(ruling) == ["hard_violations"]


@pytest.mark.parametrize("kl", [0.51, None, math.nan, math.inf])
def test_a_model_too_far_from_its_start_or_of_unknown_distance_stays_out(kl: float | None) -> None:
    ruling = judge(evidence(answers("rlvr", solving(35)), answers("current", solving(20)), kl=kl), CONFIG)
    assert failed(ruling) == ["kl"]


@pytest.mark.parametrize(
    ("probes", "told"),
    [
        ([*PROBES, PROBES[0]], "likeness_with_correctness was not measured"),
        ([], "hacks_unpaid was not measured"),
        ([*PROBES, *PROBES, Gate(name="hacks_unpaid", passed=False)], "hacks_unpaid failed"),
    ],
)
def test_a_probe_that_failed_or_did_not_watch_every_stage_keeps_it_out(probes: list[Gate], told: str) -> None:
    ruling = judge(evidence(answers("rlvr", solving(35)), answers("current", solving(20)), probes=probes), CONFIG)
    assert failed(ruling) == ["probes"]
    assert told in ruling.reasons[0]


@pytest.mark.parametrize(
    "changes", [{"rule_set": "r2"}, {"lore_index": "l2"}, {"asked": "a2"}, {"rule_set": ""}, {"asked": ""}]
)
def test_models_judged_by_other_rules_or_asked_with_other_lore_are_not_compared(changes: dict[str, str]) -> None:
    current = side("the current model", answers("current", solving(0)), **changes)
    candidate = side("the candidate", answers("rlvr", solving(40)), **{k: v for k, v in changes.items() if not v})
    assert failed(judge(evidence(candidate, current), CONFIG)) == ["comparable"]


def test_other_scenarios_are_not_compared() -> None:
    ruling = judge(evidence(answers("rlvr", solving(40)), answers("current", solving(0, 39))), CONFIG)
    assert failed(ruling) == ["comparable"]


def test_a_scenario_that_comes_twice_is_not_compared() -> None:
    twice = answers("rlvr", [], episodes=[episode(1, True), episode(1, True)])
    opponent = answers("current", [], episodes=[episode(1, False), episode(1, False)])
    assert failed(judge(evidence(twice, opponent), CONFIG)) == ["comparable"]


def test_the_current_models_own_weights_are_not_promoted_however_fast_they_were_this_time() -> None:
    candidate = side("the candidate", answers("rlvr", solving(200, 200), latencies=FAST), weights={"w": "same"})
    current = side("the current model", answers("current", solving(200, 200)), weights={"w": "same"})
    ruling = judge(evidence(candidate, current), CONFIG)
    assert failed(ruling) == ["other_weights"] and not ruling.new


def test_what_was_not_measured_is_named() -> None:
    candidate = answers("rlvr", solving(40), latencies=[1.0, math.nan], peak_memory_mb=math.nan)
    ruling = judge(evidence(candidate, answers("current", solving(0))), CONFIG)
    assert failed(ruling) == ["measured"]
    assert "latency, median of the candidate" in ruling.reasons[0]
    assert "peak memory of the candidate" in ruling.reasons[0]


OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
NOT_A_NUMBER = st.sampled_from([math.nan, math.inf, -math.inf])


@st.composite
def any_pair(draw: st.DrawFn) -> tuple[StageResult, StageResult]:
    """Two models on the same scenarios: any outcomes, any cost."""
    cells = draw(OUTCOMES) * draw(st.sampled_from([1, 5]))

    def result(i: int) -> StageResult:
        costs = st.floats(0.01, 10)
        latencies = draw(st.lists(costs, min_size=1, max_size=8))
        return answers("x", [cell[i] for cell in cells], latencies=latencies, peak_memory_mb=draw(costs))

    return result(0), result(1)


@given(any_pair())
@settings(max_examples=150, deadline=None)
def test_two_models_are_never_each_promoted_over_the_other(pair: tuple[StageResult, StageResult]) -> None:
    one, other = pair
    config = PromotionConfig(non_inferiority=0.5, max_forgetting=1.0, max_hard_violation_rise=1.0)  # as lax as can be
    assert not (judge(evidence(one, other), config).promoted and judge(evidence(other, one), config).promoted)


@given(any_pair(), st.data())
@settings(max_examples=150, deadline=None)
def test_nothing_is_promoted_on_a_figure_that_is_no_number_or_missing(
    pair: tuple[StageResult, StageResult], data: st.DataObject
) -> None:
    whole = list(pair)
    at = data.draw(st.sampled_from([0, 1]))
    harmed = whole[at]
    bad = data.draw(NOT_A_NUMBER)
    episodes: list[Episode] = list(harmed.episodes)
    episodes[0] = episodes[0].model_copy(update={"reward": bad})
    whole[at] = harmed.model_copy(
        update=data.draw(
            st.sampled_from(
                [
                    {"peak_memory_mb": bad},
                    {"latencies": [*harmed.latencies, bad]},
                    {"episodes": []},
                    {"episodes": episodes},
                    {"latency_tokens": 0},
                ]
            )
        )
    )
    ruling = judge(evidence(whole[0], whole[1]), CONFIG)
    assert not ruling.promoted and ruling.reasons


@given(any_pair())
@settings(max_examples=80, deadline=None)
def test_the_same_results_never_promote(pair: tuple[StageResult, StageResult]) -> None:
    assert not judge(evidence(pair[0], pair[0]), CONFIG).promoted


@given(any_pair())
@settings(max_examples=80, deadline=None)
def test_a_promotion_has_no_failed_gate_and_a_refusal_has_one(pair: tuple[StageResult, StageResult]) -> None:
    ruling = judge(evidence(*pair), CONFIG)
    assert ruling.promoted == (not failed(ruling))
    assert ruling.reasons
