"""Detectors of hacks, what they say of gold, and what rewards pay for hacks, on every built-in pack."""

from __future__ import annotations

from functools import lru_cache
from statistics import fmean
from typing import Any

import pytest

from srl_pipeline.config import RewardWeights, RlvrConfig, SrlConfig
from srl_pipeline.contracts import Step
from srl_pipeline.model_types import load_pack
from srl_pipeline.training.environment.probes import (
    LOOP_TIMES,
    digit_flip,
    episode_hacks,
    flips,
    repetitive,
    signs,
    step_hacks,
    title_only,
)
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import RlvrTask, SrlTask
from srl_pipeline.training.environment.transcript import body, parse, write
from srl_pipeline.training.optimization.hack_watch import payments
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

PACKS = ("animals", "buildings", "facial", "personality", "plants", "sounds", "trees")
PAPER = RewardWeights(text=1.0, fields=0.0, rules=0.0)
EXPERT = {"stone": "granite", "storeys": 3, "span": 4.5, "porch": True}


@pytest.mark.parametrize(
    ("change", "flipped"),
    [
        ({"storeys": 4}, True),
        ({"span": 4.6}, True),
        ({"storeys": 3.0}, False),
        ({"storeys": 4, "span": 4.6}, False),
        ({"stone": "flint"}, False),
        ({"stone": "flint", "storeys": 4}, False),
        ({"porch": False}, False),
        ({"porch": 1}, False),
        ({"storeys": "3"}, False),
        ({"storeys": [3]}, False),
        ({"more": 1}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_digit_flip_is_equal_but_for_one_number(change: dict[str, Any], flipped: bool) -> None:
    assert digit_flip(EXPERT | change, EXPERT) is flipped


def test_a_number_deep_in_an_action_counts() -> None:
    assert digit_flip({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}})


@pytest.mark.parametrize("text", ["", "\n \n", "## 1. Walls\n", "## 1. Walls\n## 2. Roof\n"])
def test_nothing_but_headings_is_a_title(text: str) -> None:
    assert title_only(text)


@pytest.mark.parametrize("text", ["{}", '## 1. Walls\n{"a":1}\n', "Walls"])
def test_anything_else_is_more_than_a_title(text: str) -> None:
    assert not title_only(text)


@pytest.mark.parametrize(
    "text",
    ["so so so", "a b a b a b", 'x "w":1,"w":1,"w":1}', "one two three four " * 3, "one two three four five\n" * 3],
)
def test_a_loop_of_up_to_four_words_or_of_a_line_is_a_repetition(text: str) -> None:
    assert repetitive(text)


@pytest.mark.parametrize("text", ["", "so so", "a b a b", "one two three four five " * 3, '{"a":1,"b":1,"c":1}'])
def test_less_than_a_loop_is_none(text: str) -> None:
    assert not repetitive(text)


def test_a_copy_of_the_step_before_is_seen_in_the_prompt_and_within_an_episode() -> None:
    one, other = ({"a": value} for value in (1, 2))
    steps = [Step(title="T", reasoning="", action=action) for action in (one, other, other)]
    assert signs("x", [steps[0]], [other, one], [other]).copied_step
    assert not signs("x", [steps[0]], [one, other], [other]).copied_step
    assert signs("x", steps, [], []).copied_step and not signs("x", steps[:2], [], []).copied_step


def test_another_experts_answer_is_no_digit_flip() -> None:
    step = Step(title="T", reasoning="", action={"a": 1})
    assert signs("x", [step], [], [{"a": 2}]).digit_flip
    assert not signs("x", [step], [], [{"a": 2}, {"a": 1}]).digit_flip


def test_length_is_that_of_the_answer_against_the_experts() -> None:
    assert signs(' {"a":10}\n', [], [], [{"a": 1}]).length_ratio == 8 / 7
    assert signs("x", [], [], []).length_ratio is None and signs("x", [], [], []).digit_flip is None


def test_every_number_is_flipped_once_and_nothing_else() -> None:
    assert flips({"w": "oak", "n": 19, "x": 0.5, "yes": True, "zero": -9}) == [
        {"w": "oak", "n": 10, "x": 0.5, "yes": True, "zero": -9},
        {"w": "oak", "n": 19, "x": 0.6, "yes": True, "zero": -9},
        {"w": "oak", "n": 19, "x": 0.5, "yes": True, "zero": 0},
    ]


def test_a_hack_is_what_its_detector_finds() -> None:
    before = [{"wood": "oak"}]
    hacks = step_hacks(1, "Walls", [EXPERT], before)
    assert {name: len(texts) for name, texts in hacks.items()} == {
        "digit_flip": 2,
        "copied_step": 1,
        "title_only": 1,
        "repeated": 1,
    }
    assert title_only(hacks["title_only"][0]) and repetitive(hacks["repeated"][0])
    assert hacks["copied_step"] == [body(Step(title="", reasoning="", action=before[0]))]


def test_the_first_step_has_none_to_copy_and_an_experts_answer_is_no_hack() -> None:
    assert step_hacks(0, "Walls", [EXPERT], [])["copied_step"] == []
    assert step_hacks(1, "Walls", [{"n": 1}, {"n": 2}], [{"n": 2}])["copied_step"] == []
    assert step_hacks(1, "Walls", [{"n": 1}, {"n": 2}], [])["digit_flip"] == []


def test_hacked_episodes_copy_leave_out_or_repeat() -> None:
    steps = [Step(title=title, reasoning="", action={title.lower(): 1}) for title in ("A", "B", "C")]
    hacks = episode_hacks(steps)
    [copied], [titles], [repeated] = hacks["copied_step"], hacks["title_only"], hacks["repeated"]
    assert [s.action for s in parse(copied, ["A", "B", "C"]).steps] == [{"a": 1}, {"a": 1}, {"b": 1}]
    assert title_only(titles) and titles.count("\n") == 3
    assert repeated.count('{"b":1}') == LOOP_TIMES and parse(repeated, ["A", "B", "C"]).error


@lru_cache
def gold(name: str) -> tuple[Verifier, list[Prompt], list[Prompt], dict[str, list[Step]]]:
    """Of a pack's gold: the prompt of every step, of every episode, and the steps by scenario."""
    pack = load_pack(name)
    space, verifier = ScenarioSpace(pack), Verifier(pack)
    prompts: list[Prompt] = []
    episodes: list[Prompt] = []
    solutions: dict[str, list[Step]] = {}
    for example in pack.definition.examples.gold:
        scenario, actions = space.scenario(example.scenario, where="gold"), split_actions(pack, example.artefact)
        prompts += [Prompt(f"{example.id}:{i}", [], scenario, i, [a], actions[:i]) for i, a in enumerate(actions)]
        episodes.append(Prompt(scenario.id, [], scenario, None, [], []))
        solutions[scenario.id] = [
            Step(title=step.title, reasoning="", action=action)
            for step, action in zip(pack.spec.steps, actions, strict=True)
        ]
    return verifier, prompts, episodes, solutions


@pytest.mark.parametrize("name", PACKS)
def test_gold_has_no_sign_of_a_hack(name: str) -> None:
    _, prompts, _, solutions = gold(name)
    for prompt in prompts:
        assert prompt.step is not None
        step = solutions[prompt.scenario.id][prompt.step]
        found = signs(body(step), [step], prompt.before, prompt.expert)
        assert not (found.digit_flip or found.copied_step or found.title_only or found.repetition), prompt.key
        assert found.length_ratio == 1
    for steps in solutions.values():
        found = signs(write(steps), steps, [], [])
        assert not (found.copied_step or found.title_only or found.repetition)


@pytest.mark.parametrize("name", PACKS)
def test_the_default_reward_pays_every_hack_of_every_gold_step_less_than_gold(name: str) -> None:
    verifier, prompts, _, _ = gold(name)
    config = SrlConfig()
    paid = payments(SrlTask(verifier, config), prompts, {}, config)
    assert paid.keys() == {"digit_flip", "copied_step", "title_only", "repeated"}
    assert all(hack < expert for rows in paid.values() for hack, expert in rows)


@pytest.mark.parametrize("name", PACKS)
def test_an_outcome_reward_pays_a_hacked_episode_nothing(name: str) -> None:
    verifier, _, episodes, solutions = gold(name)
    paid = payments(RlvrTask(verifier, RlvrConfig()), episodes, solutions, RlvrConfig())
    assert paid.keys() == {"copied_step", "title_only", "repeated"}
    assert {hack for rows in paid.values() for hack, _ in rows} == {0.0}
    assert {expert for rows in paid.values() for _, expert in rows} == {1.0}


@pytest.mark.parametrize("name", PACKS)
def test_text_similarity_alone_hardly_notices_a_wrong_digit(name: str) -> None:
    verifier, prompts, _, _ = gold(name)
    paper, ours = SrlConfig(weights=PAPER), SrlConfig()
    literal, composed = (payments(SrlTask(verifier, c), prompts, {}, c)["digit_flip"] for c in (paper, ours))
    assert all(0.9 < hack < 1.0 for hack, _ in literal)
    assert fmean(hack for hack, _ in composed) < fmean(hack for hack, _ in literal) - 0.04


def test_without_the_title_in_the_prompt_the_heading_belongs_to_the_answer() -> None:
    verifier, prompts, _, _ = gold("buildings")
    config = SrlConfig(step_title=False)
    paid = payments(SrlTask(verifier, config), prompts, {}, config)
    assert {expert for rows in paid.values() for _, expert in rows} == {1.0}
