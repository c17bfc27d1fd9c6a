"""Model C judges every answer, never raises, and never accepts what is wrong."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srl_pipeline.contracts import Action, Scenario
from srl_pipeline.model_types import Pack, read_pack
from srl_pipeline.model_types.scaffold import TEMPLATE
from srl_pipeline.teachers import domain
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

PACK = read_pack(TEMPLATE)
SPACE = ScenarioSpace(PACK)
VERIFIER = Verifier(PACK)
AXES = [SPACE.at(i) for i in range(0, SPACE.size, 7)]
SCENARIOS = [SPACE.scenario(axes, where="test") for axes in AXES if not SPACE.problem(axes)]
NIGHT = SPACE.scenario({"region": "saltmere", "bearer": "watchman", "hours": 10}, where="test")
GOOD: dict[str, Any] = {
    "fuel": "oil", "fillings": 2, "metal": "brass", "pane": "glass", "mount": "pole", "colour": "white",
}  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["oil", "horn", "", "pole"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(GOOD)), inner, max_size=3),
    max_leaves=6,
)
VALID_ACTIONS = [
    st.fixed_dictionaries({name: st.sampled_from(domain(field)) for name, field in step.fields.items()})
    for step in PACK.spec.steps
]
ACTIONS = st.tuples(*VALID_ACTIONS).map(list) | st.tuples(*(valid | JSON for valid in VALID_ACTIONS)).map(list)


def obeys_the_law(scenario: Scenario, actions: list[Any]) -> bool:
    """The pack's hard rules and schema once more, in plain Python: an oracle that shares no code with the verifier."""
    fields = [("fuel", "fillings"), ("metal", "pane"), ("mount",), ("colour",)]
    if len(actions) != len(fields) or any(not isinstance(a, dict) for a in actions):
        return False
    if any(set(action) != set(names) for action, names in zip(actions, fields, strict=True)):
        return False
    x = {k: v for a in actions for k, v in a.items()}
    region, bearer, hours = scenario.facts["region"], scenario.facts["bearer"], float(scenario.axes["hours"])
    return (
        x["fuel"] == region["fuel"]
        and isinstance(x["fillings"], (int, float))
        and not isinstance(x["fillings"], bool)
        and x["fillings"] in (1, 2, 3, 4)
        and x["fillings"] * 6 >= hours
        and x["metal"] == region["metal"]
        and x["pane"] in ("glass", "horn", "open")
        and not (region["wind"] == "gusty" and x["pane"] == "open")
        and not (x["fuel"] == "tallow" and x["pane"] == "glass")
        and x["mount"] == bearer["mount"]
        and x["colour"] in ("white", "amber", "green")
    )


def actions(**changes: Any) -> list[Action]:
    return split_actions(PACK, GOOD | changes)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SCENARIOS), ACTIONS)
def test_an_answer_is_correct_exactly_when_it_obeys_the_law(scenario: Scenario, answer: list[Any]) -> None:
    verdict = VERIFIER.verify(scenario, answer)
    assert verdict.correct == obeys_the_law(scenario, answer)
    assert (verdict.outcome_reward > 0) <= verdict.correct


@pytest.mark.parametrize("index", [0, len(SCENARIOS) // 2])
def test_of_all_answers_that_the_schema_allows_exactly_the_lawful_ones_are_correct(index: int) -> None:
    domains = {name: domain(field) for step in PACK.spec.steps for name, field in step.fields.items()}
    answers = [split_actions(PACK, dict(zip(domains, values, strict=True))) for values in product(*domains.values())]
    correct = [VERIFIER.verify(SCENARIOS[index], answer).correct for answer in answers]
    assert correct == [obeys_the_law(SCENARIOS[index], answer) for answer in answers]
    assert 0 < sum(correct) < len(answers) / 20


@settings(max_examples=300)
@given(st.integers(0, 3), JSON)
def test_any_json_gets_a_verdict_and_only_the_right_fields_pass_the_structure(step: int, action: Any) -> None:
    result = VERIFIER.check_step(NIGHT, GOOD, step, action)
    assert result.structure_ok <= (isinstance(action, dict) and set(action) == set(PACK.spec.steps[step].fields))


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 10**400, -(10**400), 10**5000, 1.5, 0, 5, True, "2", None, [2], {"a": 2}],
    ids=lambda value: type(value).__name__,
)
def test_an_odd_number_is_a_structural_error(value: Any) -> None:
    result = VERIFIER.check_step(NIGHT, {}, 0, {"fuel": "oil", "fillings": value})
    assert not result.structure_ok
    assert result.compliance == 0.0


def test_hostile_depth_is_a_structural_error() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    assert not VERIFIER.check_step(NIGHT, {}, 2, {"mount": deep}).structure_ok
    while isinstance(deep, list):  # taken apart by hand: the interpreter would recurse
        deep = deep.pop()


def test_a_long_answer_does_not_make_a_long_message() -> None:
    [violation] = VERIFIER.check_step(NIGHT, {}, 2, {"mount": "x" * 10_000}).violations
    assert len(violation.message) < 400


def test_the_expert_answer_has_the_whole_reward() -> None:
    verdict = VERIFIER.verify(NIGHT, actions())
    assert (verdict.correct, verdict.outcome_reward, verdict.violations) == (True, 1.0, [])


def test_a_soft_violation_costs_a_tenth_of_its_weight() -> None:
    verdict = VERIFIER.verify(NIGHT, actions(colour="green"))
    assert verdict.correct
    assert verdict.outcome_reward == pytest.approx(0.9)


def test_a_hard_violation_costs_everything() -> None:
    verdict = VERIFIER.verify(NIGHT, actions(fuel="wax"))
    assert (verdict.correct, verdict.outcome_reward) == (False, 0.0)
    assert [v.rule_id for v in verdict.violations] == ["fuel-is-local"]


def test_a_violation_is_told_in_the_words_of_its_rule() -> None:
    [violation] = VERIFIER.check_step(NIGHT, {}, 0, {"fuel": "wax", "fillings": 2}).violations
    assert violation.message == "wax is not sold in Saltmere; burn oil."


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_solution_with_too_few_steps_is_not_complete(count: int) -> None:
    verdict = VERIFIER.verify(NIGHT, actions()[:count])
    assert (verdict.complete, verdict.correct, verdict.outcome_reward) == (False, False, 0.0)


def test_a_solution_with_too_many_steps_is_not_correct() -> None:
    assert not VERIFIER.verify(NIGHT, [*actions(), {}]).correct


def test_missing_evidence_is_a_violation_and_scores_nothing() -> None:
    result = VERIFIER.check_step(NIGHT, {}, 1, {"metal": "brass", "pane": "glass"})
    missing = [v for v in result.violations if v.evidence == "missing"]
    assert {v.rule_id for v in missing} == {"soot-spares-pane", "clean-flame-shows"}
    assert missing[0].message == "Missing evidence: artefact.fuel."
    assert not result.hard_ok


def test_a_step_after_a_malformed_one_is_judged_without_its_fields() -> None:
    verdict = VERIFIER.verify(NIGHT, [{"fuel": "oil"}, *actions()[1:]])
    assert not verdict.steps[0].structure_ok
    assert "soot-spares-pane" in {v.rule_id for v in verdict.steps[1].violations}


def test_compliance_is_the_weighted_share_of_rules_that_hold() -> None:
    result = VERIFIER.check_step(NIGHT, {}, 0, {"fuel": "wax", "fillings": 2})
    assert result.compliance == pytest.approx(2 / 3)


def test_a_rule_whose_condition_does_not_hold_is_not_considered() -> None:
    assert "soot-spares-pane" not in VERIFIER.verify(NIGHT, actions()).considered


def test_fields_of_no_step_fail_where_they_are_put(scaffold_pack: Pack) -> None:
    verdict = VERIFIER.verify(NIGHT, split_actions(scaffold_pack, GOOD | {"extra": 1}))
    assert [s.structure_ok for s in verdict.steps] == [True, True, True, False]


def test_the_same_answer_always_has_the_same_verdict() -> None:
    assert Verifier(PACK).verify(NIGHT, actions(pane="horn")) == VERIFIER.verify(NIGHT, actions(pane="horn"))
