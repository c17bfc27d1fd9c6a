from __future__ import annotations

import random
from typing import Any

import pytest

from srl_pipeline.config import RlvrConfig, SrlConfig
from srl_pipeline.contracts import Scenario, Step
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import RlvrTask, SrlTask
from srl_pipeline.training.environment.transcript import body, heading, write
from srl_pipeline.verification import Verifier

from .test_transcript import mutated

AT = 1
"""The step that the tests write."""


@pytest.fixture(scope="module")
def prompt(scenario: Scenario, gold: list[Step]) -> Prompt:
    return Prompt("k", [1], scenario, AT, [gold[AT].action], [s.action for s in gold[:AT]])


def changed(step: Step, **values: Any) -> str:
    return body(step.model_copy(update={"action": step.action | values}))


def test_the_experts_action_earns_one_and_is_correct(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    score = SrlTask(verifier, SrlConfig()).score(prompt, body(gold[AT]))
    assert score.reward == pytest.approx(1.0) and score.correct and score.well_formed
    assert score.parts == {"text": 1.0, "fields": 1.0, "rules": 1.0}


def test_a_format_error_earns_the_penalty(verifier: Verifier, prompt: Prompt) -> None:
    score = SrlTask(verifier, SrlConfig(format_penalty=-0.5)).score(prompt, "no idea\n")
    assert (score.reward, score.well_formed, score.correct, score.valid) == (-0.5, False, False, False)


@pytest.mark.parametrize(
    ("values", "valid"), [({"span": 4}, True), ({"floors": 1}, False)], ids=["a soft rule", "a hard rule"]
)
def test_an_action_other_than_the_experts_is_valid_unless_it_breaks_a_hard_rule(
    verifier: Verifier, prompt: Prompt, gold: list[Step], values: dict[str, int], valid: bool
) -> None:
    score = SrlTask(verifier, SrlConfig()).score(prompt, changed(gold[AT], **values))
    assert (score.valid, score.correct) == (valid, False)


def test_the_reward_is_the_weighted_mean_of_its_parts(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    config = SrlConfig.model_validate({"weights": {"text": 1, "fields": 2, "rules": 5}})
    score = SrlTask(verifier, config).score(prompt, changed(gold[AT], floors=1))
    expected = (score.parts["text"] + 2 * score.parts["fields"] + 5 * score.parts["rules"]) / 8
    assert score.reward == pytest.approx(expected) and score.reward < 1


def test_an_action_that_equals_the_experts_only_in_python_is_not_correct(
    verifier: Verifier, prompt: Prompt, gold: list[Step]
) -> None:
    expert = Prompt("k", [1], prompt.scenario, AT, [gold[AT].action | {"floors": 1}], prompt.before)
    score = SrlTask(verifier, SrlConfig()).score(expert, changed(gold[AT], floors=True))
    assert not score.correct


def test_the_nearest_of_several_references_counts(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    far = dict.fromkeys(gold[AT].action, 0)
    both = Prompt("k", [1], prompt.scenario, AT, [far, gold[AT].action], prompt.before)
    assert SrlTask(verifier, SrlConfig()).score(both, body(gold[AT])).parts["text"] == 1.0


def test_with_a_given_title_generation_stops_at_the_action(verifier: Verifier, gold: list[Step]) -> None:
    task = SrlTask(verifier, SrlConfig())
    assert task.stop(body(gold[AT])) and not task.stop("<think>hm</think>\n")


def test_without_a_given_title_the_heading_is_written_first(
    verifier: Verifier, prompt: Prompt, gold: list[Step]
) -> None:
    task = SrlTask(verifier, SrlConfig(step_title=False))
    title = heading(AT, gold[AT].title)
    assert not task.stop(title) and task.stop(title + body(gold[AT]))
    assert task.score(prompt, title + body(gold[AT])).reward == pytest.approx(1.0)


@pytest.mark.parametrize("begin", ["", "## 2. Masses\n", "## 1. Massing\n", "\n"])
def test_without_a_given_title_a_missing_or_wrong_heading_is_a_format_error(
    verifier: Verifier, prompt: Prompt, gold: list[Step], begin: str
) -> None:
    task = SrlTask(verifier, SrlConfig(step_title=False))
    assert not task.score(prompt, begin + body(gold[AT])).well_formed


def test_a_verified_episode_earns_its_outcome_reward(verifier: Verifier, scenario: Scenario, gold: list[Step]) -> None:
    task, prompt = RlvrTask(verifier, RlvrConfig()), Prompt("e", [1], scenario, None, [], [])
    begun = len(heading(0, gold[0].title))
    score = task.score(prompt, write(gold)[begun:])
    assert score.correct and score.well_formed
    assert score.reward == verifier.verify(scenario, [s.action for s in gold]).outcome_reward


def test_an_episode_without_its_last_step_earns_nothing(
    verifier: Verifier, scenario: Scenario, gold: list[Step]
) -> None:
    task, prompt = RlvrTask(verifier, RlvrConfig()), Prompt("e", [1], scenario, None, [], [])
    score = task.score(prompt, write(gold[:-1])[len(heading(0, gold[0].title)) :])
    assert (score.reward, score.correct, score.well_formed) == (0.0, False, False)
    assert score.parts["steps"] == pytest.approx((len(gold) - 1) / len(gold))


def test_any_text_gets_a_finite_score(verifier: Verifier, prompt: Prompt, scenario: Scenario, gold: list[Step]) -> None:
    rng = random.Random(2)
    srl, rlvr = SrlTask(verifier, SrlConfig()), RlvrTask(verifier, RlvrConfig())
    episode = Prompt("e", [1], scenario, None, [], [])
    begun = len(heading(0, gold[0].title))
    odd = [10**300, -(10**17), 1e308, 1e-320, True, None, "\ud800", "", [1], {"a": []}, [[["x"]]], ["arch"] * 200]
    texts = [changed(gold[AT], **{name: value}) for value in odd for name in [*gold[AT].action, "foreign"]]
    texts += [mutated(rng, body(gold[AT])) for _ in range(300)]
    rewards = [srl.score(prompt, text).reward for text in texts]
    rewards += [rlvr.score(episode, mutated(rng, write(gold)[begun:])).reward for _ in range(300)]
    assert all(-1.0 <= reward <= 1.0 for reward in rewards) and len(set(rewards)) > 20


def test_an_explained_step_shows_the_nearest_expert_and_the_message_of_the_rule_it_breaks(
    verifier: Verifier, prompt: Prompt, gold: list[Step]
) -> None:
    far = dict.fromkeys(gold[AT].action, 0)
    both = Prompt("k", [1], prompt.scenario, AT, [far, gold[AT].action], prompt.before)
    text = changed(gold[AT], floors=gold[AT].action["floors"] + 1)
    task = SrlTask(verifier, SrlConfig())
    seen = task.explain(both, text)
    assert (seen.error, seen.nearest, [s.title for s in seen.steps]) == (None, gold[AT].action, [gold[AT].title])
    [result] = seen.results
    assert result.violations and all(v.message for v in result.violations)
    assert result.compliance == task.score(both, text).parts["rules"]


def test_an_explained_text_that_is_no_step_says_why(verifier: Verifier, prompt: Prompt) -> None:
    seen = SrlTask(verifier, SrlConfig()).explain(prompt, "no idea\n")
    assert (seen.steps, seen.results, seen.nearest) == ([], [], None)
    assert seen.error and seen.error.reason == "the action is not a JSON object"


def test_a_missing_heading_is_explained(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    seen = SrlTask(verifier, SrlConfig(step_title=False)).explain(prompt, body(gold[AT]))
    assert seen.error and seen.error.reason == f"expected the heading '## {AT + 1}. {gold[AT].title}'"


def test_an_explained_episode_shows_the_steps_before_its_error(
    verifier: Verifier, scenario: Scenario, gold: list[Step]
) -> None:
    task, episode = RlvrTask(verifier, RlvrConfig()), Prompt("e", [1], scenario, None, [], [])
    begun = len(heading(0, gold[0].title))
    whole, broken = (task.explain(episode, text[begun:]) for text in (write(gold), write(gold[:2]) + "## 3. Wrong\n{}"))
    assert whole.error is None and [s.action for s in whole.steps] == [s.action for s in gold]
    assert len(whole.results) == len(gold) and all(r.hard_ok for r in whole.results)
    assert [s.title for s in broken.steps] == task.titles[:2] and len(broken.results) == 2
    assert broken.error and broken.error.step == 2
