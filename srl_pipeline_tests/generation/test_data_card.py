"""The data card: what was counted is what was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.contracts import LoreBundle, Revision, Scenario, Step, TeacherRef, Trajectory
from srl_pipeline.errors import ArtifactError
from srl_pipeline.generation.card_page import card_page
from srl_pipeline.generation.data_card import CARD, Cost, DataCard, data_card, read_card, write_card
from srl_pipeline.generation.dialogue import Abandoned
from srl_pipeline.generation.tally import Tally

TEACHER = TeacherRef(name="gpt", version="7")
COST = Cost(
    usd=0.125, calls=9, cached=2, input_tokens=1000, output_tokens=90, latency_p50=0.5, latency_p95=1.5, retries=1,
    rate_limited=1,
)  # fmt: skip


def scenario(name: str, colour: str, difficulty: float = 0.5) -> Scenario:
    return Scenario(
        id=name, model_type="lanterns", axes={"colour": colour}, brief=f"Make {name}.", facts={}, documents=[],
        difficulty=difficulty,
    )  # fmt: skip


def sent_back(reason: str, *rules: str) -> Revision:
    return Revision(step=0, attempt=1, action=None, messages=["no"], reason=reason, rules=list(rules))


def trajectory(of: Scenario, novelty: float, *revisions: Revision, **changes: object) -> Trajectory:
    made = Trajectory(
        id=of.id, scenario=of, bundle=LoreBundle(citations=[], tokens=3, budget=9), steps=[], teacher=TEACHER,
        variant="best", soft_cost=1.0, revisions=list(revisions), generation=2, novelty=novelty, seconds=0.0,
    )  # fmt: skip
    return made.model_copy(update=changes)


@pytest.fixture
def tally() -> Tally:
    counted = Tally(["held"], lambda axis, value: f"{axis} {value}")
    first = trajectory(scenario("a", "red", 0.1), 0.8, sent_back("rules", "r1", "r2"), sent_back("not_json"))
    counted.add(first.model_copy(update={"steps": [Step(title="Glow", reasoning="", action={"x": 1})]}))
    counted.add(trajectory(scenario("a", "red", 0.1), 0.8, variant="near_best"))
    counted.add(trajectory(scenario("b", "blue"), 0.0, strategy="repair"))
    counted.repeat(trajectory(scenario("c", "blue"), 0.4))
    counted.give_up(Abandoned("d", 0, 2, ["no"], "too_long", [sent_back("too_long")] * 2, "adversarial"))
    return counted


def card(tally: Tally, cost: Cost | None = COST) -> DataCard:
    return data_card(
        "lanterns", 2, TEACHER, tally, shares={"fresh": 0.75, "frontier": 0.25}, share_reasons={"fresh": "it pays"},
        drawing={"held_out": 4}, coverage_pairs=0.5, coverage_ever=0.75,
        learned_from=["Generation 1: 9 scenarios."], cost=cost, seconds=2.0,
    )  # fmt: skip


def test_candidates_are_counted_by_what_became_of_them(tally: Tally) -> None:
    made = card(tally)
    assert (made.asked, made.trajectories, made.scenarios, made.near_best) == (5, 3, 2, 1)
    assert made.acceptance == pytest.approx(0.8)
    assert made.abandoned == {"too_long": 1}


def test_answers_that_went_back_are_counted_by_reason_and_rule_also_of_abandoned_candidates(tally: Tally) -> None:
    made = card(tally)
    assert made.sent_back == {"rules": 1, "not_json": 1, "too_long": 2}
    assert made.rules_broken == {"r1": 1, "r2": 1}


def test_a_repair_comes_back_on_purpose_and_says_nothing_of_novelty(tally: Tally) -> None:
    made = card(tally)
    assert made.novelty_mean == pytest.approx(0.8)
    assert sum(made.novelty_histogram) == made.novelty_histogram[8] == 1


def test_the_coverage_map_counts_scenarios_and_not_their_candidates(tally: Tally) -> None:
    made = card(tally)
    assert made.coverage_map == {"colour": {"colour blue": 1, "colour red": 1}}
    assert made.difficulty == {"easy": 1, "medium": 1, "hard": 0}


def test_every_strategy_has_a_row_whether_it_was_planned_or_only_happened(tally: Tally) -> None:
    rows = {s.name: s for s in card(tally).strategies}
    assert set(rows) == {"fresh", "frontier", "repair", "adversarial"}
    assert (rows["fresh"].share, rows["fresh"].trajectories, rows["fresh"].duplicates) == (0.75, 2, 1)
    assert (rows["frontier"].share, rows["frontier"].scenarios) == (0.25, 0)
    assert rows["adversarial"].abandoned == 1


def test_a_scenario_of_the_evaluation_set_is_noticed(tally: Tally) -> None:
    tally.add(trajectory(scenario("held", "red"), 0.5))
    assert tally.overlap == 1


def test_a_card_is_read_as_it_was_written(tally: Tally, tmp_path: Path) -> None:
    write_card(tmp_path, card(tally))
    assert read_card(tmp_path) == card(tally)


@pytest.mark.parametrize("text", [None, "{}", "not json"])
def test_a_card_of_another_version_is_refused_with_a_mend(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / CARD).write_text(text)
    with pytest.raises(ArtifactError, match="Generate again"):
        read_card(tmp_path)


def test_the_page_shows_counts_reasons_cost_and_examples(tally: Tally) -> None:
    page = card_page(card(tally))
    for said in (
        "# Generation 2 of lanterns", "$0.1250", "9 calls", "2 of them from the cache", "| not_json | 1 |",
        "| r1 | 1 |", "| held_out | 4 |", "it pays", "Generation 1: 9 scenarios.", "Make a.", '{"x":1}',
    ):  # fmt: skip
        assert said in page


def test_a_teacher_that_makes_no_calls_has_no_cost(tally: Tally) -> None:
    assert "no paid model" in card_page(card(tally, cost=None))
