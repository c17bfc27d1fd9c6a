"""The reward function on AWS: our verifier, behind the event of the vendor's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from srl_pipeline.errors import TuningError
from srl_pipeline.tuning.graders import GraderCase, answer_reward, example_cases, reward_function
from srl_pipeline.tuning.graders.reward_function import handler
from srl_pipeline.verification import Verifier


@pytest.fixture(autouse=True)
def _deployed(buildings: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_MODEL_TYPE", "buildings")
    monkeypatch.setattr(reward_function, "_verifier", {"buildings": buildings}.__getitem__)  # it is loaded once


@pytest.fixture
def cases(buildings: Verifier) -> list[GraderCase]:
    return list(example_cases(buildings))


def _sample(case: GraderCase, **change: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "…"}, {"role": "assistant", "content": case.text}]
    task = case.item.model_dump(mode="json")
    return {"id": case.name, "messages": messages, "metadata": {"reference_answer": {"task": task}}, **change}


def test_its_rewards_are_those_of_the_verifier(cases: list[GraderCase], buildings: Verifier) -> None:
    results = handler([_sample(case) for case in cases], None)

    assert [r["id"] for r in results] == [case.name for case in cases]
    assert [r["aggregate_reward_score"] for r in results] == [answer_reward(buildings, c.text, c.item) for c in cases]
    assert 0.0 < sum(r["aggregate_reward_score"] for r in results) < len(results)


def test_a_result_has_the_form_of_the_documentation(cases: list[GraderCase]) -> None:
    assert handler([_sample(cases[0])], None) == [
        {
            "id": cases[0].name,
            "aggregate_reward_score": 1.0,
            "metrics_list": [
                {"name": "rules", "value": 1.0, "type": "Reward"},
                {"name": "judged", "value": 1.0, "type": "Metric"},
            ],
        }
    ]


def test_the_task_may_stand_beside_the_messages_of_the_row(cases: list[GraderCase]) -> None:
    row = _sample(cases[0], metadata={"task": cases[0].item.model_dump(mode="json")})

    assert handler([row], None)[0]["aggregate_reward_score"] == 1.0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"messages": []}, "not the assistant's text"),
        ({"messages": [{"role": "user", "content": "a"}]}, "not the assistant's text"),
        ({"messages": [{"role": "assistant", "content": None}]}, "not the assistant's text"),
        ({"messages": "a"}, "not the assistant's text"),
        ({"metadata": None}, "no task"),
        ({"metadata": {"reference_answer": "a"}}, "no task"),
        ({"metadata": {"task": {"step": 0}}}, "not an item of a grader: axes, facts, before"),
    ],
)
def test_a_bad_sample_scores_nothing_and_fails_no_other(
    change: dict[str, Any], why: str, cases: list[GraderCase], caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = handler([_sample(cases[0], **change), _sample(cases[0])], None)

    assert (bad["aggregate_reward_score"], good["aggregate_reward_score"]) == (0.0, 1.0)
    assert [m["value"] for m in bad["metrics_list"]] == [0.0, 0.0]
    assert why in caplog.text


@pytest.mark.parametrize(
    ("change", "why"),
    [({"step": 99}, "the pack has 5 steps"), ({"before": {"stone": ["oak"] * 65}}, "A list of 65 items")],
)
def test_a_task_that_the_verifier_cannot_judge_scores_nothing(
    change: dict[str, Any], why: str, cases: list[GraderCase], caplog: pytest.LogCaptureFixture
) -> None:
    item = cases[1].item.model_copy(update=change)

    result = handler([_sample(cases[1].model_copy(update={"item": item}))], None)[0]

    assert (result["aggregate_reward_score"], result["metrics_list"][1]["value"]) == (0.0, 0.0)
    assert why in caplog.text


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({}, "is dict, not a list"),
        (None, "is NoneType, not a list"),
        ([{"messages": []}], "a sample 0 that is no object with a text 'id'"),
        (["a"], "a sample 0"),
    ],
)
def test_an_event_that_is_none_is_refused(event: Any, what: str) -> None:
    with pytest.raises(TuningError, match=what):
        handler(event, None)


def test_without_a_model_type_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("SRL_MODEL_TYPE", raising=False)

    with pytest.raises(TuningError, match="No model type is named"):
        handler([], None)
