"""The one-step control: a whole episode against the expert's whole solution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from srl_pipeline.canonical import dumps
from srl_pipeline.config import SrlConfig
from srl_pipeline.contracts import Artefact, LoreBundle, Step, TeacherRef, Trajectory
from srl_pipeline.model_types import Pack
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.holistic import HolisticTask, solution_prompts
from srl_pipeline.training.environment.prompts import Prompt, PromptWriter
from srl_pipeline.training.environment.similarity import ratio
from srl_pipeline.training.environment.tasks import SrlTask
from srl_pipeline.training.environment.transcript import heading, write
from srl_pipeline.verification import ScenarioSpace, Verifier, artefact_of


@pytest.fixture(scope="module")
def trajectory(pack: Pack, gold: list[Step]) -> Trajectory:
    scenario = ScenarioSpace(pack).scenario(dict(pack.definition.examples.gold[0].scenario), where="test")
    return Trajectory(
        id="t",
        scenario=scenario,
        bundle=LoreBundle(citations=[], tokens=0, budget=16),
        steps=gold,
        teacher=TeacherRef(name="t", version="1"),
        variant="best",
        soft_cost=0.0,
        revisions=[],
        generation=1,
        novelty=1.0,
        seconds=0.0,
    )


@pytest.fixture(scope="module")
def prompt(trajectory: Trajectory) -> Prompt:
    return Prompt("k", [1], trajectory.scenario, None, [trajectory.artefact], [])


def said(steps: list[Step]) -> str:
    """What the student writes after the first heading."""
    return write(steps).removeprefix(heading(0, steps[0].title))


def changed(steps: list[Step], at: int, name: str, value: Any) -> list[Step]:
    step = steps[at].model_copy(update={"action": steps[at].action | {name: value}})
    return [*steps[:at], step, *steps[at + 1 :]]


def artefact(steps: list[Step]) -> Artefact:
    return artefact_of([s.action for s in steps])


def test_the_experts_solution_earns_one(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    score = HolisticTask(verifier, SrlConfig()).score(prompt, said(gold))
    assert (score.reward, score.well_formed, score.correct) == (1.0, True, True)
    assert score.parts == {"text": 1.0, "exact": 1.0}


def test_a_wrong_word_costs_what_difflib_says_and_its_exactness(
    verifier: Verifier, prompt: Prompt, gold: list[Step]
) -> None:
    name = next(iter(gold[0].action))
    wrong = changed(gold, 0, name, "nonsense")
    score = HolisticTask(verifier, SrlConfig()).score(prompt, said(wrong))
    assert score.reward == ratio(dumps(artefact(wrong)), dumps(artefact(gold)), autojunk=False) < 1
    assert score.parts["exact"] == 0.0 and not score.correct


def test_the_nearest_of_several_solutions_counts(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    other = changed(gold, 0, next(iter(gold[0].action)), "something quite different")
    both = replace(prompt, expert=[artefact(other), artefact(gold)])
    task = HolisticTask(verifier, SrlConfig())
    assert task.score(both, said(gold)).reward == 1.0
    assert task.explain(both, said(gold)).nearest == artefact(gold)


@pytest.mark.parametrize("text", ["", "no idea\n", "{}\n## 2. Wrong\n{}\n"])
def test_an_episode_that_cannot_be_read_earns_the_penalty(verifier: Verifier, prompt: Prompt, text: str) -> None:
    task = HolisticTask(verifier, SrlConfig(format_penalty=-0.7))
    assert task.score(prompt, text) == Score(-0.7, well_formed=False, correct=False)
    assert task.explain(prompt, text).error is not None


def test_half_an_episode_earns_the_penalty_too(verifier: Verifier, prompt: Prompt, gold: list[Step]) -> None:
    assert HolisticTask(verifier, SrlConfig()).score(prompt, said(gold[:3])).reward == -1.0


def test_generation_ends_with_the_last_action_and_not_before(verifier: Verifier, gold: list[Step]) -> None:
    task = HolisticTask(verifier, SrlConfig())
    assert task.stop(said(gold)) and not task.stop(said(gold[:-1]))


@pytest.mark.parametrize("mode", ["separate", "in_reward"])
def test_filter_and_advantages_are_those_of_srl(verifier: Verifier, mode: Any) -> None:
    config = SrlConfig(format_advantage=mode)
    scores = [Score(r, well_formed=r >= 0, correct=False) for r in (0.2, 0.9, -1.0, 0.4)]
    assert HolisticTask(verifier, config).signal(scores) == SrlTask(verifier, config).signal(scores)


def test_a_scenario_gives_one_prompt_with_the_solutions_of_all_its_variants(
    pack: Pack, trajectory: Trajectory, gold: list[Step]
) -> None:
    other = changed(gold, 0, next(iter(gold[0].action)), "other")
    variants = [trajectory, trajectory.model_copy(update={"steps": other}), trajectory]
    writer: Any = PromptWriter(pack.spec, lambda text, **_: {"input_ids": [len(text)]})
    [found] = solution_prompts(writer, variants, nearest=True)
    assert found.expert == [artefact(gold), artefact(other)] and found.step is None
    [first] = solution_prompts(writer, variants, nearest=False)
    assert first.expert == [artefact(gold)]
