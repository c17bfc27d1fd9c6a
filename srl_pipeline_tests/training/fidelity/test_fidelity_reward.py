"""The rewards against difflib itself and against the formulas of the text."""

from __future__ import annotations

import difflib
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.config import RewardWeights, RlvrConfig, SrlConfig
from srl_pipeline.contracts import Scenario, Step
from srl_pipeline.model_types import EnumField, NumberField, Pack, SetField
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.similarity import text_similarity
from srl_pipeline.training.environment.tasks import RlvrTask, SrlTask
from srl_pipeline.training.environment.transcript import heading, write
from srl_pipeline.verification import Verifier, artefact_of

TEXT_ONLY = SrlConfig(weights=RewardWeights(text=1, fields=0, rules=0), autojunk=True)
AT = 1


def canonical(action: Any) -> str:
    """The action's text: keys sorted, no spaces. (No number here needs normalising.)"""
    return json.dumps(action, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def pairs(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Random and adversarial pairs: perturbed copies, repeats that autojunk drops, lone surrogates, long and empty."""
    rng = random.Random(20)
    alphabet = 'abcdefgh 0123456789_-.,"\\\u00e9\u4e2d\ud800\udfff\U0001f600'
    for number in range(count):
        size = rng.choice([0, 1, 7, 60, 190, 205, 400])
        expert = "".join(rng.choice(alphabet) for _ in range(size))
        match number % 6:
            case 0:
                student = "".join(rng.choice(alphabet) for _ in range(rng.choice([0, 3, 80, 260])))
            case 1:
                student = "".join(c if rng.random() > 0.05 else rng.choice(alphabet) for c in expert)
            case 2:
                student = expert[::-1]
            case 3:
                student, expert = "ab" * rng.randrange(130), "ba" * rng.randrange(130)
            case 4:
                cut = rng.randrange(size + 1)
                student = expert[cut:] + expert[:cut]
            case _:
                student, expert = expert + expert, expert
        yield {"a": student, "n": number % 7}, {"a": expert, "n": number % 5}


@pytest.mark.parametrize("autojunk", [True, False])
def test_the_similarity_is_that_of_difflib_on_two_thousand_pairs(autojunk: bool) -> None:
    long, asymmetric, junked = 0, 0, 0
    for student, expert in pairs(2_000):
        left, right = canonical(student), canonical(expert)
        expected = difflib.SequenceMatcher(None, left, right, autojunk=autojunk).ratio()
        assert text_similarity(student, expert, autojunk=autojunk) == expected
        long += len(right) >= 200
        asymmetric += expected != difflib.SequenceMatcher(None, right, left, autojunk=autojunk).ratio()
        junked += expected != difflib.SequenceMatcher(None, left, right, autojunk=not autojunk).ratio()
    assert min(long, asymmetric, junked) > 100  # the pairs really try the order and the switch


def test_the_similarity_is_twice_the_matched_characters_over_all_of_them() -> None:
    student, expert = {"stone": "granite"}, {"stone": "flint"}
    blocks = difflib.SequenceMatcher(None, canonical(student), canonical(expert)).get_matching_blocks()
    ratio = 2 * sum(b.size for b in blocks) / (len(canonical(student)) + len(canonical(expert)))
    assert text_similarity(student, expert, autojunk=True) == ratio


@pytest.fixture(scope="module")
def step_prompt(scenario: Scenario, gold: list[Step]) -> Prompt:
    return Prompt("k", [1], scenario, AT, [gold[AT].action], [s.action for s in gold[:AT]])


def answers(gold: list[Step], count: int) -> Iterator[dict[str, Any]]:
    """Actions of the step with fields changed, left out and added."""
    rng = random.Random(4)
    for _ in range(count):
        action = dict(gold[AT].action)
        for name in rng.sample(sorted(action), rng.randrange(len(action))):
            action[name] = rng.choice(["slate", "x" * rng.randrange(300), rng.randrange(40), True, ["a", "b"]])
            if rng.random() < 0.2:
                del action[name]
        yield action


def test_the_papers_reward_is_the_similarity_of_the_actions_and_nothing_else(
    verifier: Verifier, step_prompt: Prompt, gold: list[Step]
) -> None:
    task, expert = SrlTask(verifier, TEXT_ONLY), canonical(gold[AT].action)
    for action in answers(gold, 200):
        expected = difflib.SequenceMatcher(None, canonical(action), expert).ratio()  # Python's defaults
        assert task.score(step_prompt, canonical(action) + "\n").reward == expected


@given(weights=st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 2)).filter(lambda w: sum(w) > 0.1))
@settings(max_examples=40, deadline=None)
def test_the_composite_is_the_weighted_mean_of_parts_that_are_logged_apart(
    verifier: Verifier, step_prompt: Prompt, gold: list[Step], weights: tuple[float, float, float]
) -> None:
    text, fields, rules = weights
    config = SrlConfig(weights=RewardWeights(text=text, fields=fields, rules=rules))
    for action in answers(gold, 5):
        score = SrlTask(verifier, config).score(step_prompt, canonical(action) + "\n")
        expected = text * score.parts["text"] + fields * score.parts["fields"] + rules * score.parts["rules"]
        assert score.reward == pytest.approx(expected / (text + fields + rules), abs=1e-12)


def test_the_parts_do_not_depend_on_their_weights(verifier: Verifier, step_prompt: Prompt, gold: list[Step]) -> None:
    tasks = [
        SrlTask(verifier, SrlConfig(weights=RewardWeights(text=t, fields=f, rules=r)))
        for t, f, r in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, 0.4, 0.3))
    ]
    for action in answers(gold, 20):
        first, *others = [task.score(step_prompt, canonical(action) + "\n").parts for task in tasks]
        assert all(parts == first for parts in others)
        before = artefact_of(step_prompt.before)
        assert first["rules"] == verifier.check_step(step_prompt.scenario, before, AT, action).compliance


@pytest.mark.parametrize(
    "text",
    [
        "",
        "granite",
        "<think>no end\n{}\n",
        "<think>two</think>\n<think>of them</think>\n{}\n",
        "{}\n{}\n",
        '{"stone":"granite","stone":"flint"}\n',
        '{"stone":\n',
        "[1]\n",
    ],
)
@pytest.mark.parametrize("config", [TEXT_ONLY, SrlConfig()], ids=["paper", "ours"])
def test_a_format_violation_earns_minus_one(
    verifier: Verifier, step_prompt: Prompt, text: str, config: SrlConfig
) -> None:
    score = SrlTask(verifier, config).score(step_prompt, text)
    assert (score.reward, score.well_formed) == (-1.0, False)


@given(thought=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300))
@settings(max_examples=100, deadline=None)
def test_the_monologue_never_changes_the_reward(
    verifier: Verifier, step_prompt: Prompt, gold: list[Step], thought: str
) -> None:
    action = canonical(gold[AT].action | {"extra": 1}) + "\n"
    for config in (TEXT_ONLY, SrlConfig()):
        task = SrlTask(verifier, config)
        assert task.score(step_prompt, f"<think>{thought}</think>\n{action}") == task.score(step_prompt, action)


def test_the_outcome_is_correctness_less_a_tenth_of_each_soft_violation_and_zero_for_a_format_error(
    verifier: Verifier, scenario: Scenario, gold: list[Step], pack: Pack
) -> None:
    task, prompt = RlvrTask(verifier, RlvrConfig()), Prompt("e", [1], scenario, None, [], [])
    begun = len(heading(0, gold[0].title))
    weights = {rule.id: rule.weight for rule in pack.definition.rules.rules}
    rng, seen = random.Random(8), set[tuple[bool, bool]]()
    for number in range(120):
        steps = list(gold)
        if number:
            at = rng.randrange(len(steps))
            action = dict(steps[at].action)
            name = rng.choice(sorted(action))
            action[name] = rng.choice([value_of(pack, at, name, rng), "nonsense"])
            steps[at] = steps[at].model_copy(update={"action": action})
        violations = verifier.verify(scenario, [s.action for s in steps]).violations
        hard = any(v.severity == "hard" for v in violations)
        soft = sum(weights[v.rule_id] for v in violations if v.severity == "soft")
        expected = min(1.0, max(0.0, (0.0 if hard else 1.0) - 0.1 * soft))
        score = task.score(prompt, write(steps)[begun:])
        assert score.reward == pytest.approx(expected, abs=1e-9) and score.correct == (not hard)
        seen.add((hard, soft > 0))
    assert seen == {(False, False), (False, True), (True, False), (True, True)}
    broken = task.score(prompt, write(gold)[begun:].replace("{", "(", 1))
    assert (broken.reward, broken.well_formed, broken.correct) == (0.0, False, False)


def value_of(pack: Pack, step: int, name: str, rng: random.Random) -> Any:
    """A value that the field's schema allows."""
    match pack.spec.steps[step].fields[name]:
        case EnumField(enum=words):
            return rng.choice(list(words))
        case NumberField() as field:
            places = int((field.maximum - field.minimum) / field.multipleOf)
            value = field.minimum + field.multipleOf * rng.randint(0, places)
            return int(value) if field.type == "integer" else value
        case SetField(items=items):
            return [rng.choice(list(items.enum))]
        case _:
            return rng.random() < 0.5
