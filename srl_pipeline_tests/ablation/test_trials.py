"""Episodes judged: verified, exact, and never an exception for what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from srl_pipeline.ablation import trials
from srl_pipeline.ablation.trials import Examiner
from srl_pipeline.contracts import Artefact, Scenario, Step
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.transcript import heading, write
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("buildings")


@pytest.fixture(scope="module")
def verifier(pack: Pack) -> Verifier:
    return Verifier(pack)


@pytest.fixture(scope="module")
def prompt(pack: Pack) -> Prompt:
    gold = pack.definition.examples.gold[0]
    scenario: Scenario = ScenarioSpace(pack).scenario(dict(gold.scenario), where="test")
    return Prompt(scenario.id, [1], scenario, None, [], [], scenario.id)


@pytest.fixture(scope="module")
def artefact(pack: Pack) -> Artefact:
    return dict(pack.definition.examples.gold[0].artefact)


def text(pack: Pack, artefact: Artefact) -> str:
    """An episode that builds the artefact, after its first heading."""
    pairs = zip(pack.spec.steps, split_actions(pack, artefact), strict=True)
    steps = [Step(title=spec.title, reasoning="", action=action) for spec, action in pairs]
    return write(steps).removeprefix(heading(0, steps[0].title))


class ScriptedSampler:
    """Says what it is told to: greedily the first text, sampled the others in turn. Named double of `Sampler`."""

    script: Sequence[str] = ()
    calls: list[dict[str, Any]]

    def __init__(self, *_: Any) -> None:
        type(self).calls = []

    def sample(self, prompts: Any, *, per_prompt: int, temperature: float, **how: Any) -> list[list[Completion]]:
        self.calls.append(how | {"per_prompt": per_prompt, "temperature": temperature})
        told = self.script[:1] if temperature == 0 else self.script[1 : 1 + per_prompt]
        return [[Completion([7] * 3, said, True, []) for said in told] for _ in prompts]


@pytest.fixture
def examiner(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> Examiner:
    monkeypatch.setattr(trials, "Sampler", ScriptedSampler)
    return Examiner(None, None, verifier, 99)


def say(monkeypatch: pytest.MonkeyPatch, *script: str) -> None:
    monkeypatch.setattr(ScriptedSampler, "script", script)


def test_a_gold_episode_is_correct_and_one_that_cannot_be_read_is_not(
    examiner: Examiner, pack: Pack, prompt: Prompt, artefact: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, text(pack, artefact), "no idea", text(pack, artefact))
    [found] = examiner.answers([prompt], {}, samples=2, seed=5)
    assert (found.scenario, found.greedy.correct, [a.correct for a in found.sampled]) == (
        prompt.scenario.id,
        True,
        [False, True],
    )
    assert [a.format_ok for a in found.sampled] == [False, True]
    assert found.greedy.steps_ok == len(pack.spec.steps) and found.greedy.tokens == 3


def test_exact_is_the_experts_very_artefact_and_nothing_where_there_is_none(
    examiner: Examiner, pack: Pack, prompt: Prompt, artefact: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(iter(artefact))
    say(monkeypatch, text(pack, artefact), text(pack, artefact | {name: "other"}), "no idea")
    [found] = examiner.answers([prompt], {prompt.scenario.id: artefact}, samples=2, seed=5)
    assert (found.greedy.exact, [a.exact for a in found.sampled]) == (True, [False, False])
    [without] = examiner.answers([prompt], {}, samples=2, seed=5)
    assert without.greedy.exact is None


def test_samples_are_drawn_at_temperature_one_with_the_given_seed(
    examiner: Examiner, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, "a", "b", "c")
    examiner.answers([prompt], {}, samples=2, seed=5)
    greedy, sampled = ScriptedSampler.calls
    assert (greedy["temperature"], greedy["per_prompt"]) == (0.0, 1)
    assert (sampled["temperature"], sampled["per_prompt"], sampled["seed"]) == (1.0, 2, 5)


def test_a_rate_counts_what_was_verified(
    examiner: Examiner, pack: Pack, prompt: Prompt, artefact: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, "", text(pack, artefact), "no idea", "no idea", text(pack, artefact))
    [found], tokens = examiner.rates([prompt], episodes=4, seed=5)
    assert (found.correct, found.episodes, found.rate, tokens) == (2, 4, 0.5, 12)
